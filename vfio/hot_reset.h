// What the kernel's hot reset (of a slot, or of a whole bus) takes together: the reply to
// VFIO_DEVICE_GET_PCI_HOT_RESET_INFO as values (include/uapi/linux/vfio.h). Pure; Device asks.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"

namespace vfio {

struct HotResetMember {
  sysfs::PciAddress address;
  // With device files: our iommufd does not have it, nor its group. By groups the kernel does not
  // say it before the reset.
  bool foreign = false;
  bool operator==(const HotResetMember&) const = default;
};

// kKernel when the reply says of more members than it holds.
base::Result<std::vector<HotResetMember>> ParseHotResetInfo(std::span<const std::byte> reply);

}  // namespace vfio
