// The secret that the users of a physical function and of its virtual ones share when all are on
// vfio-pci (linux/vfio.h, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN; vfio_pci_validate_vf_token in
// drivers/vfio/pci/vfio_pci_core.c): who opens the physical function sets it, who opens a virtual
// one has to know it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sysfs/base/result.h"

namespace vfio {

struct VfToken {
  std::array<uint8_t, 16> bytes{};  // in the order of the text
  // kUsage for anything but a UUID: 8-4-4-4-12 hexadecimal digits.
  static base::Result<VfToken> Parse(std::string_view text);
  std::string ToString() const;
  bool operator==(const VfToken&) const = default;
};

}  // namespace vfio
