// Admin commands to a drive whose physical function the host's nvme driver has.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sriov/nvme_virtualization.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"

namespace sriov {

// Used by one thread. Every call waits for the drive, at most 30 s.
class NvmeAdmin {
 public:
  virtual ~NvmeAdmin() = default;
  // kUnsupported when the drive has no Virtualization Management.
  virtual base::Result<NvmePrimary> ReadPrimary() = 0;
  virtual base::Result<std::vector<NvmeSecondary>> ReadSecondaries() = 0;
  // kKernel with the drive's status in words when it refuses.
  virtual base::Status Manage(const NvmeCommand& command) = 0;
};

// Through NVME_IOCTL_ADMIN_CMD on `node` ("/dev/nvme1", linux/nvme_ioctl.h). Needs root. The kernel
// outlives the object.
base::Result<std::unique_ptr<NvmeAdmin>> OpenNvmeAdmin(base::Kernel& kernel,
                                                       const std::string& node);

}  // namespace sriov
