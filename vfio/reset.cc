#include "vfio/reset.h"

#include <algorithm>

#include "sysfs/reset_methods.h"

namespace vfio {

bool ResetMethods::Has(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool ResetMethods::function_level() const {
  return Has("flr") || Has("af_flr") || Has("device_specific") || Has("acpi");
}

ResetMethods ReadResetMethods(const sysfs::Tree& tree, const sysfs::PciAddress& device) {
  ResetMethods methods;
  methods.names = sysfs::ReadResetMethods(tree, device).value_or(std::vector<std::string>());
  return methods;
}

}  // namespace vfio
