#include "sysfs/pci_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "sysfs/base/text.h"
#include "sysfs/guarded.h"
#include "sysfs/place.h"
#include "sysfs/strict_read.h"

namespace sysfs {
namespace {

constexpr std::string_view kDevices = "/sys/bus/pci/devices";
constexpr uint64_t kUnassigned = 0;

// Two hexadecimal numbers "8086:10FB".
bool ParseIds(std::string_view text, uint16_t& vendor, uint16_t& device) {
  const auto parts = base::Split(text, ':');
  if (parts.size() != 2) return false;
  const auto first = base::ParseHex(parts[0], UINT16_MAX);
  const auto second = base::ParseHex(parts[1], UINT16_MAX);
  if (!first || !second) return false;
  vendor = static_cast<uint16_t>(*first);
  device = static_cast<uint16_t>(*second);
  return true;
}

// The environment of the device's events: one file for what six attributes say.
base::Status ParseUevent(std::string_view text, PciDevice& device) {
  bool has_ids = false;
  bool has_class = false;
  for (const std::string_view line : base::Split(text, '\n')) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "DRIVER") device.driver = std::string(value);
    if (key == "MODALIAS") device.modalias = std::string(value);
    if (key == "PCI_ID") has_ids = ParseIds(value, device.vendor, device.device);
    if (key == "PCI_SUBSYS_ID") ParseIds(value, device.subsystem_vendor, device.subsystem_device);
    if (key == "PCI_CLASS") {
      const auto code = base::ParseHex(value, 0xffffff);
      has_class = code.has_value();
      device.class_code = static_cast<uint32_t>(code.value_or(0));
    }
  }
  if (!has_ids || !has_class)
    return base::Fail(base::Code::kKernel,
                      device.address.ToString() + ": uevent names no PCI_ID or no PCI_CLASS");
  return {};
}

base::Result<std::optional<PciAddress>> LinkedAddress(const Tree& tree, const std::string& path) {
  const auto name = TRY(LinkIfThere(tree, path));
  const auto address = PciAddress::Parse(name.value_or(std::string()));
  return address ? std::optional(*address) : std::nullopt;
}

std::optional<unsigned> Small(std::optional<uint64_t> value) {
  if (!value || *value > UINT16_MAX) return std::nullopt;
  return static_cast<unsigned>(*value);
}

base::Result<std::optional<unsigned>> GroupOf(const Tree& tree, const std::string& path) {
  const auto name = TRY(LinkIfThere(tree, path + "/iommu_group"));
  const auto id = base::ParseDecimal(name.value_or(std::string()), UINT32_MAX);
  return id ? std::optional(static_cast<unsigned>(*id)) : std::nullopt;
}

base::Status ReadUnlocked(const Tree& tree, PciDevice& device) {
  const std::string path = device.path();
  device.revision = static_cast<uint8_t>(ReadHex(tree, path + "/revision").value_or(0));
  const auto node = Small(ReadDecimal(tree, path + "/numa_node"));  // "-1" is no number here
  if (node) device.numa_node = static_cast<int>(*node);
  device.sriov_totalvfs = Small(ReadDecimal(tree, path + "/sriov_totalvfs"));
  if (device.sriov_totalvfs) {
    for (unsigned index = 0; index < *device.sriov_totalvfs; ++index) {
      const auto function = TRY(LinkedAddress(tree, fmt::format("{}/virtfn{}", path, index)));
      if (!function) break;
      device.virtfns.push_back(*function);
    }
  }
  return {};
}

// "0x00000000fe000000 0x00000000fe003fff 0x0000000000140204": start, last, flags.
std::optional<PciBar> ParseResource(std::string_view line) {
  const auto words = base::Split(base::Trim(line), ' ');
  if (words.size() != 3) return std::nullopt;
  const auto start = base::ParseUnsigned(words[0]);
  const auto last = base::ParseUnsigned(words[1]);
  const auto flags = base::ParseUnsigned(words[2]);
  if (!start || !last || !flags || *flags == kUnassigned || *last < *start) return std::nullopt;
  return PciBar{0, *start, *last - *start + 1, *flags};
}

}  // namespace

base::Result<PciDevice> ReadDevice(const Tree& tree, const PciAddress& address, Detail detail) {
  PciDevice device;
  device.address = address;
  const std::string path = device.path();
  const auto uevent = tree.Read(path + "/uevent");
  if (!uevent) {
    if (uevent.error().code() != base::Code::kNotFound) return base::Failure(uevent.error());
    return base::Fail(base::Code::kNotFound, address.ToString() + ": no such PCI function",
                      "vassign list shows what is there");
  }
  TRY(ParseUevent(*uevent, device));
  device.iommu_group = TRY(GroupOf(tree, path));
  if (detail >= Detail::kBrief) device.physfn = TRY(LinkedAddress(tree, path + "/physfn"));
  if (detail >= Detail::kUnlocked) TRY(ReadUnlocked(tree, device));
  if (detail == Detail::kFull) TRY(ReadBehindLock(tree, device));
  return device;
}

void ReadLocked(const Tree& tree, PciDevice& device) {
  (void)ReadBehindLock(tree, device);  // on failure both are unset
}

base::Status ReadBehindLock(const Tree& tree, PciDevice& device) {
  device.driver_override.reset();
  device.sriov_numvfs.reset();
  auto wanted = TRY(ReadIfThere(tree, device.path() + "/driver_override"));
  if (device.sriov_totalvfs) {
    const std::string path = device.path() + "/sriov_numvfs";
    if (const auto text = TRY(ReadIfThere(tree, path))) {
      const auto count = base::ParseDecimal(base::Trim(*text), UINT16_MAX);
      if (!count)
        return base::Fail(base::Code::kKernel, path + ": not a number: " + base::Quote(*text));
      device.sriov_numvfs = static_cast<unsigned>(*count);
    }
  }
  if (wanted && !wanted->empty() && *wanted != "(null)") device.driver_override = std::move(wanted);
  return {};
}

base::Result<std::vector<PciAddress>> ListDevices(const Tree& tree) {
  const auto names = tree.List(std::string(kDevices));
  if (!names) {
    auto error = names.error();
    return base::Failure(std::move(error)
                             .With("list the PCI devices")
                             .WithHint("sysfs must be mounted: mount -t sysfs sysfs /sys"));
  }
  std::vector<PciAddress> addresses;
  for (const std::string& name : *names) {
    if (const auto address = PciAddress::Parse(name)) addresses.push_back(*address);
  }
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

base::Result<std::vector<PciDevice>> ReadDevices(const Tree& tree, Detail detail) {
  std::vector<PciDevice> devices;
  for (const PciAddress& address : TRY(ListDevices(tree))) {
    auto device = ReadDevice(tree, address, detail);
    if (device) devices.push_back(std::move(*device));
  }
  return devices;
}

base::Result<std::vector<PciAddress>> ReadBridgesAbove(const Tree& tree,
                                                       const PciAddress& address) {
  PciDevice device;
  device.address = address;
  std::vector<PciAddress> bridges;
  const auto place = tree.ReadLink(device.path());
  if (!place) {
    // readlink(2): EINVAL is said of what is there and no link, as in a tree in memory.
    const bool is_none =
        place.error().code() == base::Code::kNotFound || place.error().err() == EINVAL;
    if (is_none) return bridges;
    return base::Failure(place.error());
  }
  for (const std::string_view part : base::Split(*place, '/')) {
    const auto bridge = PciAddress::Parse(part);
    if (bridge && *bridge != address) bridges.push_back(*bridge);
  }
  return bridges;
}

std::vector<PciAddress> BridgesAbove(const Tree& tree, const PciAddress& address) {
  return ReadBridgesAbove(tree, address).value_or(std::vector<PciAddress>());
}

std::vector<PciBar> ReadBars(const Tree& tree, const PciAddress& address) {
  constexpr unsigned kExpansionRom = 6;
  PciDevice device;
  device.address = address;
  const auto text = ReadText(tree, device.path() + "/resource");
  std::vector<PciBar> bars;
  if (!text) return bars;
  unsigned index = 0;
  for (const std::string_view line : base::Split(*text, '\n')) {
    if (index > kExpansionRom) break;
    if (auto bar = ParseResource(line)) {
      bar->index = index;
      bars.push_back(*bar);
    }
    ++index;
  }
  return bars;
}

}  // namespace sysfs
