// How the ends of a bind or restore are told.
#include <fmt/format.h>

#include "sysfs/assignment.h"

namespace sysfs {
namespace {

std::string Describe(const std::optional<std::string>& driver) {
  return driver ? *driver : "no driver";
}

std::string Place(const PciDevice& device, const std::vector<std::string>& nodes) {
  if (nodes.empty()) return {};
  std::string text;
  if (device.iommu_group) text += fmt::format(", group {}", *device.iommu_group);
  for (const std::string& node : nodes) text += ", " + node;
  return text;
}

}  // namespace

std::string Format(const AssignmentResult& result) {
  const std::string address = result.address.ToString();
  const std::string note = result.note.empty() ? std::string() : " (" + result.note + ")";
  if (result.after.vendor == 0 && !result.changed) return address + note;
  const std::string to = Describe(result.after.driver) + Place(result.after, result.nodes);
  if (result.before != result.after.driver)
    return fmt::format("{} {} -> {}{}", address, Describe(result.before), to, note);
  if (result.changed) return fmt::format("{} {} (override changed){}", address, to, note);
  return fmt::format("{} {}: nothing to do{}", address, to, note);
}

std::string DescribeState(const Tree& tree, const PciAddress& address) {
  const auto device = ReadDevice(tree, address);
  if (!device) return address.ToString() + " is gone";
  std::string text = address.ToString() + " " + Describe(device->driver);
  if (device->driver_override) text += ", only " + *device->driver_override + " may bind";
  return text;
}

}  // namespace sysfs
