// Reads, writes and the rest on a disk image, without waiting: by a ring of the kernel
// (ring.h) or, where there is none, by a thread with plain calls.
//
// Everything on the thread of the event loop. An engine does not end before its operations: what
// they write into is the guest's memory.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "vmm/event_loop.h"
#include "vmm/virtio/blk/request.h"

namespace vmm::virtio {

class BlkEngine;

// One system call's worth; stays where it is until it is done.
struct BlkOp {
  BlkEngine* engine = nullptr;  // that has it
  BlkWork work = BlkWork::kRead;
  uint64_t offset = 0;
  uint64_t size = 0;          // of a range
  std::vector<iovec> iovecs;  // of a read or a write
  bool sync = false;          // on the disk when it is done
  bool may_unmap = false;
  bool block_device = false;
};

// Bytes, or a negative errno.
struct BlkCallbacks {
  std::function<void(BlkOp& op, int64_t result)> done;
  // After the last of several that were done together.
  std::function<void()> batch;
};

class BlkEngine {
 public:
  virtual ~BlkEngine() = default;
  virtual void Start(BlkOp& op) = 0;
  // What was started goes to the kernel.
  virtual void Submit() = 0;
};

// The image and the loop outlive it.
base::Result<std::unique_ptr<BlkEngine>> MakeThreadEngine(const base::Fd& image, EventLoop& loop,
                                                          BlkCallbacks callbacks);

// The plain calls; waits.
int64_t Perform(const base::Fd& image, const BlkOp& op);

}  // namespace vmm::virtio
