#include "sysfs/assignment/identity_tree.h"

#include <fmt/format.h>

namespace sysfs {
namespace {

bool IsNamedBy(const PciDevice& device, const std::string& path, std::string_view value) {
  return value == device.address.ToString() || path.starts_with(device.path() + "/");
}

// "8086:10fb, of 8086:0003".
std::string Ids(const PciDevice& device) {
  return fmt::format("{:04x}:{:04x}, of {:04x}:{:04x},", device.vendor, device.device,
                     device.subsystem_vendor, device.subsystem_device);
}

}  // namespace

base::Status CheckCard(const Tree& tree, const PciDevice& device) {
  const std::string address = device.address.ToString();
  const auto now = ReadDevice(tree, device.address, Detail::kIdentity);
  if (!now && now.error().code() == base::Code::kNotFound)
    return base::Fail(base::Code::kNotFound, address + ": the device has gone meanwhile");
  if (!now) return base::Failure(now.error());
  if (now->vendor == device.vendor && now->device == device.device &&
      now->subsystem_vendor == device.subsystem_vendor &&
      now->subsystem_device == device.subsystem_device)
    return {};
  return base::Fail(base::Code::kNotFound,
                    fmt::format("{}: another card sits there now: {} instead of {} and was left "
                                "alone",
                                address, Ids(*now), Ids(device)));
}

base::Status IdentityTree::Write(const std::string& path, std::string_view value) {
  for (const PciDevice& device : devices_) {
    if (IsNamedBy(device, path, value)) TRY(CheckCard(below(), device));
  }
  return below().Write(path, value);
}

}  // namespace sysfs
