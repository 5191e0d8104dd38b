// What an assigned device may reach: one I/O address space for all devices of a machine.
//
// Two implementations: iommufd with device files (Documentation/userspace-api/iommufd.rst), and
// type1 with groups and a container (Documentation/driver-api/vfio.rst). OpenSpace chooses by
// probing and says why.
//
// Contract of Map: the memory stays valid and mapped at the same host address until Unmap of
// exactly the same range or the end of the space; from Map on, an assigned device may write to it
// at any time.
//
// Threads: Claim and Release from one thread at a time, and so Map and Unmap, beside them;
// OpenDevice of different devices from several threads at once, beside all of these.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"
#include "vfio/vf_token.h"

namespace vfio {

// Inclusive bounds, as the kernel gives them.
struct IovaRange {
  uint64_t start = 0;
  uint64_t last = 0;
  bool operator==(const IovaRange&) const = default;
};

// Tells KVM of a group or device descriptor before the device is opened (KVM_DEV_VFIO_FILE_ADD).
using KvmLink = std::function<base::Status(int fd)>;

class DmaSpace {
 public:
  virtual ~DmaSpace() = default;

  virtual std::string_view name() const = 0;  // "iommufd" or "type1"

  // Takes the device's group (type1) or device file (iommufd) for this space and links it to KVM.
  // The device is not opened, so not reset. Errors: kInUse names the process that holds it, kUnfit
  // the group member and its driver.
  virtual base::Status Claim(const sysfs::PciAddress& device, const KvmLink& link) = 0;

  // Opens a claimed device; the kernel resets it here, which takes 100 ms or more. The descriptor
  // takes the VFIO_DEVICE_* ioctls. The space outlives it. A token is needed by a virtual function
  // whose physical one is on vfio-pci, and by that one while its virtual ones are in use.
  virtual base::Result<base::Fd> OpenDevice(const sysfs::PciAddress& device,
                                            const std::optional<VfToken>& token) = 0;
  base::Result<base::Fd> OpenDevice(const sysfs::PciAddress& device) {
    return OpenDevice(device, std::nullopt);
  }

  // Gives back what Claim took, of a device that is closed (or will be, by its last user). `unlink`
  // gets the descriptors that were linked. Fails when KVM does not let go; all else is done.
  virtual base::Status Release(const sysfs::PciAddress& device, const KvmLink& unlink) = 0;

  // Links the claimed descriptors to another KVM virtual machine (after a reboot, which makes a new
  // one).
  virtual base::Status Relink(const KvmLink& link) = 0;

  // The descriptors that prove to the kernel that these functions may be hot reset: their groups',
  // of those that are claimed (type1); none with device files, where the iommufd proves it.
  virtual std::vector<int> HotResetProof(std::span<const sysfs::PciAddress> functions) const = 0;

  // Where Map may go, after the claims (type1) or opens (iommufd) so far.
  virtual base::Result<std::vector<IovaRange>> AllowedRanges() const = 0;

  // Multiples of the page size. Errors name the range, the limit that was hit and the cure.
  virtual base::Status Map(base::Iova iova, std::span<std::byte> memory) = 0;
  // The same for a thread that may open no file: a failure is told without what the host's files
  // say of it.
  virtual base::Status MapAgain(base::Iova iova, std::span<std::byte> memory) = 0;
  virtual base::Status Unmap(base::Iova iova, uint64_t size) = 0;
  // How many kernel maps there have been.
  virtual unsigned map_count() const = 0;
};

enum class Backend : uint8_t { kAuto, kIommufd, kType1 };

struct Choice {
  Backend backend = Backend::kType1;
  std::string reason;  // "iommufd: /dev/iommu and the device file of 0000:08:00.0 are there"
};

// What the choice depends on, as found on the host.
struct BackendFacts {
  bool iommufd = false;    // /dev/iommu opens
  bool container = false;  // /dev/vfio/vfio opens
  int iommufd_error = 0;   // errno when it does not
  int container_error = 0;
  std::vector<sysfs::PciAddress> without_cdev;  // assigned devices that have no device file
  bool vf_token = false;                        // a device is to be opened with one
};

BackendFacts ProbeBackends(base::Kernel& kernel, const sysfs::Tree& tree,
                           std::span<const sysfs::PciAddress> devices);
// Pure. Fails with kUnsupported or kDenied when neither works, saying what is missing.
base::Result<Choice> ChooseBackend(const BackendFacts& facts, Backend wanted);
// Kernel and tree outlive the space. kAuto probes without looking at devices.
base::Result<std::unique_ptr<DmaSpace>> OpenSpace(base::Kernel& kernel, const sysfs::Tree& tree,
                                                  Backend backend);

}  // namespace vfio
