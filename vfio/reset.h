// How the kernel can reset a function (Documentation/ABI/testing/sysfs-bus-pci, reset_method).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace vfio {

struct ResetMethods {
  // In the order in which the kernel tries them: device_specific, acpi, flr, af_flr, pm, bus,
  // cxl_bus. Empty: none, or before Linux 5.15.
  std::vector<std::string> names;

  bool Has(std::string_view name) const;
  // Resets this function alone and all of it; pm may leave state behind, bus takes the siblings.
  bool function_level() const;
};

ResetMethods ReadResetMethods(const sysfs::Tree& tree, const sysfs::PciAddress& device);

}  // namespace vfio
