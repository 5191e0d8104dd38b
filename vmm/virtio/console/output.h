// Where a virtio console's bytes go, without waiting for it.
//
// A terminal or a pipe says when it takes bytes. A file does not (poll(2)): a write to one whose
// storage hangs waits in the kernel, where nothing ends it, so a thread of its own does that, piece
// by piece. It is begun with the first byte, on the caller's thread and so under its confinement.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "vmm/event_loop.h"
#include "vmm/virtio/console/output_ring.h"

namespace vmm::virtio {

class ConsoleOutput {
 public:
  virtual ~ConsoleOutput() = default;

  // How many of these it takes now, perhaps none. What an output fails to write is gone.
  virtual size_t Take(std::span<const std::byte> bytes) = 0;
  // `ready` is called when it takes some again, perhaps for nothing.
  virtual base::Result<Watch> WhenReady(EventLoop& loop, std::function<void()> ready) = 0;
  // Whether a guest that writes faster than this takes is better held back than robbed of bytes.
  virtual bool keeps_pace() const = 0;
  // The last bytes, with the patience of a serial port.
  virtual void End(OutputRing& rest) = 0;
};

// `name` is for messages.
base::Result<std::unique_ptr<ConsoleOutput>> MakeConsoleOutput(base::Fd fd,
                                                               const std::string& name);
// The one of a file, for whatever makes a write wait.
base::Result<std::unique_ptr<ConsoleOutput>> MakeFileOutput(base::Fd fd, const std::string& name);

}  // namespace vmm::virtio
