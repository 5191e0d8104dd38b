#include "sysfs/base/kernel.h"

#include <sys/ioctl.h>

#include <cerrno>

namespace base {
namespace {

class Host final : public Kernel {
 public:
  Result<Fd> Open(const std::string& path, int flags) override { return OpenFile(path, flags); }

  Result<int> Ioctl(const Fd& fd, unsigned long request, void* argument,
                    std::string_view name) override {
    int result = ::ioctl(fd.raw(), request, argument);
    while (result < 0 && errno == EINTR) result = ::ioctl(fd.raw(), request, argument);
    if (result < 0) return FailErrno(name, errno);
    return result;
  }

  Result<int> InterruptibleIoctl(const Fd& fd, unsigned long request, void* argument,
                                 std::string_view name) override {
    const int result = ::ioctl(fd.raw(), request, argument);
    if (result < 0) return FailErrno(name, errno);
    return result;
  }
};

}  // namespace

Kernel& HostKernel() {
  static Host host;
  return host;
}

}  // namespace base
