// How the ends of a bind or restore are told.
#include <fmt/format.h>

#include "sysfs/assignment/assignment.h"

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

// Nothing is read here that waits for the device's lock: a stuck write holds it.
std::string DescribeState(const Tree& tree, const PciAddress& address) {
  const std::string path = "/sys/bus/pci/devices/" + address.ToString();
  if (!tree.Exists(path)) return address.ToString() + " is gone";
  return address.ToString() + " " + Describe(LinkName(tree, path + "/driver"));
}

}  // namespace sysfs
