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

// Who does not tell it, as without its driver, may be any card of its kind.
base::Status CheckMark(const PciDevice& device, std::string_view name,
                       const std::optional<std::string>& before,
                       const std::optional<std::string>& now) {
  if (!before || !now || *before == *now) return {};
  return base::Fail(base::Code::kNotFound,
                    fmt::format("{}: another card sits there now: {} {} instead of {}, and was "
                                "left alone",
                                device.address.ToString(), name, *now, *before));
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

IdentityTree::IdentityTree(Tree& below, std::span<const PciDevice> devices) : WritingTree(below) {
  for (const PciDevice& device : devices)
    cards_.push_back({device, ReadIdentity(below, device, IdentityDetail::kPassive)});
}

base::Status IdentityTree::Write(const std::string& path, std::string_view value) {
  for (const auto& [device, before] : cards_) {
    if (!IsNamedBy(device, path, value)) continue;
    TRY(CheckCard(below(), device));
    const Identity now = ReadIdentity(below(), device, IdentityDetail::kPassive);
    TRY(CheckMark(device, "serial number", before.serial, now.serial));
    TRY(CheckMark(device, "MAC address", before.mac, now.mac));
  }
  return below().Write(path, value);
}

}  // namespace sysfs
