#include "vfio/reset.h"

#include <algorithm>

#include "sysfs/base/text.h"

namespace vfio {

bool ResetMethods::Has(std::string_view name) const {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool ResetMethods::function_level() const {
  return Has("flr") || Has("af_flr") || Has("device_specific") || Has("acpi");
}

ResetMethods ReadResetMethods(const sysfs::Tree& tree, const sysfs::PciAddress& device) {
  ResetMethods methods;
  const std::string path = "/sys/bus/pci/devices/" + device.ToString() + "/reset_method";
  const std::string text = sysfs::ReadText(tree, path).value_or("");
  for (const std::string_view name : base::Split(text, ' ')) {
    const std::string_view trimmed = base::Trim(name);
    if (!trimmed.empty()) methods.names.emplace_back(trimmed);
  }
  return methods;
}

}  // namespace vfio
