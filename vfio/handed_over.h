// VFIO descriptors that another process has opened and handed over (`vassign with --fds`), so that
// a process without any right can own a device.
//
// What a descriptor is follows from its device number: /sys/dev/char/MAJOR:MINOR leads to the
// device in sysfs (Documentation/filesystems/sysfs.rst). The name by which it was opened may be
// another one, or be gone.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"
#include "vfio/dma_space.h"

namespace vfio {

struct HandedOver {
  enum class Kind : uint8_t { kDeviceFile, kGroup, kIommufd, kContainer };
  Kind kind = Kind::kDeviceFile;
  int number = -1;                               // of the descriptor in this process
  std::string node;                              // where it would be opened: "/dev/vfio/14"
  std::optional<sysfs::PciAddress> device = {};  // of a device file
  std::optional<unsigned> group = {};            // of a group

  // The kind of DMA space that it belongs to.
  Backend backend() const;
};

// Pure: from the target of the link in /sys/dev/char. kUsage for any other device, kUnfit for a
// group without IOMMU.
base::Result<HandedOver> RecogniseLink(int number, std::string_view target);
// kUsage when the number is no open descriptor of a VFIO or iommufd device.
base::Result<HandedOver> Recognise(const sysfs::Tree& tree, int number);
// The device meant by a device file or a group; `named`, when given, has to be it or a member.
// kUsage for a group of several endpoints without a name.
base::Result<sysfs::PciAddress> DeviceOf(const sysfs::Tree& tree, const HandedOver& descriptor,
                                         const std::optional<sysfs::PciAddress>& named);

// The kernel, but what was handed over is given out where its file would be opened. A device file
// or a group once: it has to close when its user closes it. Thread safe.
class HandedOverKernel final : public base::Kernel {
 public:
  explicit HandedOverKernel(base::Kernel& below) : below_(&below) {}
  // Owns the descriptor from now on and makes it close-on-exec. The same one may come twice: a
  // group for each of its devices.
  base::Status Take(const HandedOver& descriptor);

  base::Result<base::Fd> Open(const std::string& path, int flags) override;
  base::Result<int> Ioctl(const base::Fd& fd, unsigned long request, void* argument,
                          std::string_view name) override {
    return below_->Ioctl(fd, request, argument, name);
  }
  base::Result<int> InterruptibleIoctl(const base::Fd& fd, unsigned long request, void* argument,
                                       std::string_view name) override {
    return below_->InterruptibleIoctl(fd, request, argument, name);
  }

 private:
  struct Entry {
    base::Fd fd;
    bool is_shared = false;  // given out as duplicates
  };
  base::Kernel* below_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by node
};

}  // namespace vfio
