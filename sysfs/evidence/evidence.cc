#include "sysfs/evidence/evidence.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

constexpr uint8_t kDisplayClass = 0x03;

std::optional<Evidence> FindVirtualFunctions(const PciDevice& device) {
  const unsigned count = device.sriov_numvfs.value_or(0);
  if (count == 0) return std::nullopt;
  return Evidence{fmt::format("{} virtual functions are enabled on it", count), std::nullopt,
                  fmt::format("echo 0 > {}/sriov_numvfs", device.path())};
}

std::optional<Evidence> FindConsole(const Tree& tree, const PciDevice& device) {
  if (device.base_class() != kDisplayClass || !device.driver) return std::nullopt;
  if (ReadDecimal(tree, device.path() + "/boot_vga").value_or(0) != 1) return std::nullopt;
  return Evidence{
      fmt::format("it is the display that the host booted on, driven by {}", *device.driver),
      ForceReason::kConsole, "use another display or a serial console"};
}

// driverctl(8) keeps a file for each device that it overrides at boot.
std::optional<Evidence> FindForeignTool(const Tree& tree, const PciDevice& device) {
  const std::string path = "/etc/driverctl.d/pci-" + device.address.ToString();
  if (!tree.Exists(path)) return std::nullopt;
  return Evidence{"driverctl manages it (" + path + ")", ForceReason::kForeign,
                  "driverctl unset-override " + device.address.ToString()};
}

void Append(std::vector<Evidence>& all, std::vector<Evidence> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void Append(std::vector<Evidence>& all, std::optional<Evidence> one) {
  if (one) all.push_back(std::move(*one));
}

// A device that another process works with is never taken: its driver would hang until that process
// lets go.
bool CanOverride(const Evidence& piece) {
  return piece.reason && *piece.reason != ForceReason::kAssigned;
}

std::string Describe(const Evidence& piece, bool has_option) {
  std::string text = "\n  " + piece.detail;
  if (piece.reason) text += fmt::format("\n    risk: {}", Risk(*piece.reason));
  text += has_option && CanOverride(piece)
              ? fmt::format("\n    to do it all the same: --force={}", Name(*piece.reason))
              : "\n    this cannot be overridden";
  if (!piece.cure.empty()) text += "\n    better: " + piece.cure;
  return text;
}

}  // namespace

std::vector<Evidence> FindEvidence(const Tree& tree, const PciDevice& device,
                                   const EvidenceSources& sources) {
  std::vector<Evidence> all;
  Append(all, FindStorageUse(tree, device, sources));
  Append(all, FindNetworkUse(tree, device, sources));
  Append(all, FindVirtualFunctions(device));
  Append(all, FindConsole(tree, device));
  Append(all, FindVfioHolders(tree, device, sources));
  Append(all, FindForeignTool(tree, device));
  return all;
}

base::Status CheckEvidence(const PciAddress& address, const std::vector<Evidence>& evidence,
                           const std::optional<ForceSet>& force) {
  std::string text;
  for (const Evidence& piece : evidence) {
    const bool covered = force && CanOverride(piece) && force->contains(*piece.reason);
    if (!covered) text += Describe(piece, force.has_value());
  }
  if (text.empty()) return {};
  return base::Fail(base::Code::kInUse, fmt::format("{}: in use{}", address.ToString(), text));
}

std::vector<std::string> NamesBelow(const Tree& tree, const std::string& class_path,
                                    const PciAddress& address) {
  std::vector<std::string> found;
  const auto names = tree.List(class_path);
  if (!names) return found;
  const std::string wanted = address.ToString();
  for (const std::string& name : *names) {
    const auto target = tree.ReadLink(class_path + "/" + name);
    if (!target) continue;
    const auto parts = base::Split(*target, '/');
    if (std::find(parts.begin(), parts.end(), wanted) != parts.end()) found.push_back(name);
  }
  return found;
}

}  // namespace sysfs
