#include "sysfs/assignment/identity_tree.h"

#include <fmt/format.h>

namespace sysfs {
namespace {

bool IsNamedBy(const PciDevice& device, const std::string& path, std::string_view value) {
  return value == device.address.ToString() || path.starts_with(device.path() + "/");
}

base::Status CheckCard(const Tree& tree, const PciDevice& device) {
  const auto vendor = ReadHex(tree, device.path() + "/vendor");
  const auto id = ReadHex(tree, device.path() + "/device");
  if (vendor == device.vendor && id == device.device) return {};
  const std::string address = device.address.ToString();
  if (!vendor || !id)
    return base::Fail(base::Code::kNotFound, address + ": the device has gone meanwhile");
  return base::Fail(base::Code::kNotFound,
                    fmt::format("{}: another card sits there now: {:04x}:{:04x} instead of "
                                "{:04x}:{:04x}; it was left alone",
                                address, *vendor, *id, device.vendor, device.device));
}

}  // namespace

base::Status IdentityTree::Write(const std::string& path, std::string_view value) {
  for (const PciDevice& device : devices_) {
    if (IsNamedBy(device, path, value)) TRY(CheckCard(below(), device));
  }
  return below().Write(path, value);
}

}  // namespace sysfs
