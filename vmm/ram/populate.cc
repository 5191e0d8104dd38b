#include "vmm/ram/populate.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "sysfs/base/address.h"
#include "sysfs/base/text.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // include/uapi/asm-generic/mman-common.h
#endif

namespace vmm {
namespace {

constexpr uint64_t kChunk = 64 * base::kMiB;
constexpr unsigned kMostThreads = 32;  // beyond them, memory itself is the limit
constexpr std::chrono::milliseconds kLook{100};

}  // namespace

PopulatePlan PlanPopulate(std::span<const std::span<std::byte>> blocks, uint64_t page,
                          unsigned processors) {
  PopulatePlan plan;
  const uint64_t chunk = std::max(kChunk, page);
  for (std::span<std::byte> block : blocks) {
    while (!block.empty()) {
      const size_t size = std::min<size_t>(block.size(), chunk);
      plan.chunks.push_back(block.first(size));
      block = block.subspan(size);
    }
  }
  plan.threads = static_cast<unsigned>(
      std::min<size_t>({plan.chunks.size(), std::max(processors, 1u), kMostThreads}));
  return plan;
}

unsigned UsableProcessors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return 1;
}

Population::Population(PopulatePlan plan) : plan_(std::move(plan)), working_(plan_.threads) {
  for (const auto& chunk : plan_.chunks) total_ += chunk.size();
  while (threads_.size() < plan_.threads) {
    auto thread = Thread::Start("populate", [this] { Work(); });
    if (!thread) break;
    threads_.push_back(std::move(*thread));
  }
  const std::lock_guard lock(mutex_);
  working_ -= plan_.threads - static_cast<unsigned>(threads_.size());
}

Population::~Population() {
  stop_ = true;
  for (Thread& thread : threads_) thread.Join();
}

void Population::Work() {
  int error = 0;
  for (size_t i = next_++; i < plan_.chunks.size() && !stop_; i = next_++) {
    const std::span<std::byte> chunk = plan_.chunks[i];
    while (::madvise(chunk.data(), chunk.size(), MADV_POPULATE_WRITE) != 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      error = errno;
      break;
    }
    if (error != 0) break;
    const std::lock_guard lock(mutex_);
    done_ += chunk.size();
  }
  if (error != 0) stop_ = true;
  const std::lock_guard lock(mutex_);
  if (error_ == 0) error_ = error;
  --working_;
  changed_.notify_all();
}

base::Status Population::Wait(const PopulateProgress& progress,
                              const std::function<bool()>& stopped) {
  std::unique_lock lock(mutex_);
  if (threads_.empty()) {
    ++working_;
    lock.unlock();
    Work();
    lock.lock();
  }
  while (!changed_.wait_for(lock, kLook, [this] { return working_ == 0; })) {
    const uint64_t done = done_;
    lock.unlock();
    if (progress) progress(done, total_);
    const bool enough = stopped && stopped();
    if (enough) stop_ = true;  // after the chunks at hand
    if (enough) return base::Fail(base::Code::kTimedOut, "ended by a signal before the start");
    lock.lock();
  }
  if (error_ == 0 && progress) progress(total_, total_);
  // EINVAL: a kernel before 5.14.
  if (error_ == 0 || error_ == EINVAL) return {};
  return base::Failure(base::Error(base::Code::kKernel,
                                   fmt::format("guest RAM: {} of {} got their pages, then the "
                                               "host had no more",
                                               base::FormatSize(done_), base::FormatSize(total_)),
                                   error_)
                           .WithHint("give the machine less --memory, or free memory on the host"));
}

}  // namespace vmm
