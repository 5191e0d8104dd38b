// What an errno of VFIO or iommufd means to a person: cause, object and cure. Pure.
//
// The meanings are those of the kernel's sources (drivers/vfio/group.c, container.c,
// device_cdev.c, vfio_iommu_type1.c; drivers/iommu/iommufd/device.c): the same errno has several
// causes, and the facts tell which of them it was.
#pragma once

#include <cstdint>
#include <string>

#include "sysfs/base/result.h"
#include "vfio/facts.h"

namespace vfio {

enum class Step : uint8_t {
  kOpenGroup,       // open /dev/vfio/N
  kOpenDeviceFile,  // open /dev/vfio/devices/vfioN
  kAttachGroup,     // VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU; 0 for a group that is not viable
  kOpenDevice,      // VFIO_GROUP_GET_DEVICE_FD
  kBindDevice,      // VFIO_DEVICE_BIND_IOMMUFD
  kAttachDevice,    // VFIO_DEVICE_ATTACH_IOMMUFD_PT
};
base::Error Explain(Step step, int err, const AccessFacts& facts);

// Opening /dev/vfio/vfio or /dev/iommu failed.
base::Error ExplainContainer(int err);
base::Error ExplainIommufd(int err);

}  // namespace vfio
