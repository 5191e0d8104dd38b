// A ring of the kernel (io_uring(7)) that all disks of a thread share.
//
// It is made before the thread is confined: a ring does what is asked through it without the
// thread's filter, so it is bound to reads, writes and flushes, for good, before anything uses it
// (io_uring_register(2), IORING_REGISTER_RESTRICTIONS, Linux 5.10), and a confined thread makes
// none.
#pragma once

#include <memory>

#include "vmm/virtio/blk/engine.h"

namespace vmm::virtio {

class BlkRing {
 public:
  // kUnsupported, kDenied or kKernel where there are none.
  static base::Result<std::shared_ptr<BlkRing>> Create();
  virtual ~BlkRing() = default;

  // All that follows: on the one thread that uses it.

  // One image's share of it. The ring, the image and the loop outlive it.
  virtual base::Result<std::unique_ptr<BlkEngine>> MakeEngine(const base::Fd& image,
                                                              EventLoop& loop,
                                                              BlkCallbacks callbacks) = 0;
};

}  // namespace vmm::virtio
