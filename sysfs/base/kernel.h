// The two calls that a test cannot make for real.
//
// pread, mmap and eventfd stay real everywhere: a fake device is a memfd, so region reads, BAR maps
// and config space need no mocking. Implementations: HostKernel() here, ScriptedKernel in
// tests/support.
#pragma once

#include <string>
#include <string_view>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace base {

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual Result<Fd> Open(const std::string& path, int flags) = 0;
  // ioctl(2); `name` is the request's uapi name, for messages. EINTR is retried. Thread safe.
  virtual Result<int> Ioctl(const Fd& fd, unsigned long request, void* argument,
                            std::string_view name) = 0;
  // As Ioctl, but a signal ends the call: the failure's err() is then EINTR (KVM_RUN).
  virtual Result<int> InterruptibleIoctl(const Fd& fd, unsigned long request, void* argument,
                                         std::string_view name) {
    return Ioctl(fd, request, argument, name);
  }
};

// Lives as long as the process; thread safe.
Kernel& HostKernel();

}  // namespace base
