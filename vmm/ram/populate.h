// Giving guest RAM its pages before it is pinned for DMA.
//
// Pinning gives a page to each address that has none, on one thread, and almost all of that time is
// the clearing of pages. Several threads do it beforehand, with MADV_POPULATE_WRITE (madvise(2),
// Linux 5.14), while the devices are being opened. A kernel without it is no error: the map does
// the work then.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/thread.h"

namespace vmm {

// Bytes that have their pages, and all.
using PopulateProgress = std::function<void(uint64_t done, uint64_t total)>;

struct PopulatePlan {
  std::vector<std::span<std::byte>> chunks;
  unsigned threads = 0;  // at most one a chunk
};

// Pure. Chunks are multiples of `page` (a power of two) but for the last of a block, and small
// enough to share the work.
PopulatePlan PlanPopulate(std::span<const std::span<std::byte>> blocks, uint64_t page,
                          unsigned processors);

// Processors that this process may use.
unsigned UsableProcessors();

class Population {
 public:
  // Starts the threads: as many as the host lets, and without any the waiting thread does the work.
  // The memory outlives this.
  explicit Population(PopulatePlan plan);
  Population(const Population&) = delete;
  Population& operator=(const Population&) = delete;
  ~Population();  // ends after the chunks at hand

  // Until all memory has its pages; from one thread. `progress` is called now and then, from this
  // thread. kKernel when memory ran out: what is missing, and the cure. `stopped` is asked now and
  // then: true is the end, kTimedOut.
  base::Status Wait(const PopulateProgress& progress, const std::function<bool()>& stopped = {});

 private:
  void Work();

  const PopulatePlan plan_;
  uint64_t total_ = 0;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t done_ = 0;     // guarded by mutex_
  unsigned working_ = 0;  // guarded by mutex_
  int error_ = 0;         // guarded by mutex_; the first
  std::vector<Thread> threads_;
};

}  // namespace vmm
