#include "cli/devices/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "cli/config/alias.h"
#include "cli/devices/vf_selector.h"
#include "cli/nearest.h"
#include "sysfs/base/text.h"
#include "sysfs/iommu_group.h"
#include "sysfs/pci_device.h"

namespace cli {
namespace {

using base::Quote;
using sysfs::PciAddress;
using sysfs::Tree;
using Addresses = std::vector<PciAddress>;

constexpr size_t kShown = 4;  // nearest or ambiguous matches in a message

std::string Join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

// Every PCI function on the way down a path of /sys/devices; the last one owns what is there.
std::optional<PciAddress> OwnerOf(const Tree& tree, std::string_view path) {
  const auto real = sysfs::RealPath(tree, path);
  if (!real) return std::nullopt;
  std::optional<PciAddress> owner;
  for (const std::string_view part : base::Split(*real, '/')) {
    const auto address = PciAddress::Parse(part);
    if (address) owner = *address;
  }
  return owner;
}

// A multipath namespace belongs to a subsystem in /sys/devices/virtual; its controllers are linked
// beside it.
Addresses SubsystemControllers(const Tree& tree, std::string_view path) {
  const auto real = sysfs::RealPath(tree, path);
  constexpr std::string_view kSubsystems = "/sys/devices/virtual/nvme-subsystem/";
  if (!real || !real->starts_with(kSubsystems)) return {};
  const std::string subsystem = real->substr(0, real->find('/', kSubsystems.size()));
  Addresses owners;
  for (const std::string& name : tree.List(subsystem).value_or(std::vector<std::string>{})) {
    if (!name.starts_with("nvme")) continue;
    if (const auto owner = OwnerOf(tree, subsystem + "/" + name)) owners.push_back(*owner);
  }
  return owners;
}

Addresses OwnersOf(const Tree& tree, const std::string& path) {
  if (const auto owner = OwnerOf(tree, path)) return {*owner};
  return SubsystemControllers(tree, path);
}

Addresses OwnersByClass(const Tree& tree, std::initializer_list<std::string_view> classes,
                        const std::string& name) {
  Addresses owners;
  if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.')) return owners;
  for (const std::string_view one : classes) {
    const Addresses found = OwnersOf(tree, fmt::format("/sys/class/{}/{}", one, name));
    owners.insert(owners.end(), found.begin(), found.end());
  }
  return owners;
}

base::Result<Addresses> WithIds(const Tree& tree, const Selector& selector) {
  Addresses found;
  for (const auto& device : TRY(sysfs::ReadDevices(tree, sysfs::Detail::kBrief))) {
    if (device.vendor == selector.vendor && device.device == selector.device)
      found.push_back(device.address);
  }
  return found;
}

base::Result<Addresses> Find(const Tree& tree, const Selector& selector) {
  switch (selector.kind) {
    case SelectorKind::kAddress: {
      PciAddress address = selector.address;
      const bool exists = tree.Exists("/sys/bus/pci/devices/" + address.ToString());
      return exists ? Addresses{address} : Addresses{};
    }
    case SelectorKind::kSysPath:
      return OwnersOf(tree, selector.name);
    case SelectorKind::kDevPath: {
      // /dev/disk/by-id/... are links to the node, whose name its class knows.
      const auto real = sysfs::RealPath(tree, selector.name);
      const std::string name(base::LastComponent(real.value_or(selector.name)));
      return OwnersByClass(tree, {"block", "nvme", "drm"}, name);
    }
    case SelectorKind::kNet:
      return OwnersByClass(tree, {"net"}, selector.name);
    case SelectorKind::kBlock:
      return OwnersByClass(tree, {"block"}, selector.name);
    case SelectorKind::kName: {
      const Addresses owners = OwnersByClass(tree, {"net", "block", "nvme"}, selector.name);
      if (!owners.empty()) return owners;
      const auto alias = TRY(FindAlias(tree, selector.name));
      return alias ? Addresses{*alias} : Addresses{};
    }
    case SelectorKind::kIds:
      return WithIds(tree, selector);
    case SelectorKind::kGroup:
      return TRY(sysfs::ReadGroup(tree, selector.group)).members;
  }
  return Addresses{};
}

void AppendNames(const Tree& tree, const std::string& path, std::vector<std::string>& names) {
  const auto found = tree.List(path);
  if (found) names.insert(names.end(), found->begin(), found->end());
}

// What exists and could be meant by a selector of this kind.
std::vector<std::string> Candidates(const Tree& tree, const Selector& selector) {
  std::vector<std::string> names;
  switch (selector.kind) {
    case SelectorKind::kSysPath:
      AppendNames(tree, "/sys/bus/pci/devices", names);
      break;
    case SelectorKind::kIds: {
      std::set<std::string> ids;
      const auto devices = sysfs::ReadDevices(tree, sysfs::Detail::kBrief);
      if (!devices) break;
      for (const auto& device : *devices)
        ids.insert(fmt::format("{:04x}:{:04x}", device.vendor, device.device));
      names.assign(ids.begin(), ids.end());
      break;
    }
    case SelectorKind::kAddress:
    case SelectorKind::kGroup:
      break;
    default:
      AppendNames(tree, "/sys/class/net", names);
      AppendNames(tree, "/sys/class/block", names);
  }
  return names;
}

// By distance on the bus rather than in letters.
std::vector<std::string> Neighbours(const Tree& tree, const PciAddress& wanted) {
  const auto number = [](const PciAddress& address) {
    return static_cast<int64_t>(uint64_t{address.domain} << 16 | address.routing_id());
  };
  auto addresses = sysfs::ListDevices(tree).value_or(Addresses{});
  std::stable_sort(addresses.begin(), addresses.end(), [&](const auto& a, const auto& b) {
    return std::abs(number(a) - number(wanted)) < std::abs(number(b) - number(wanted));
  });
  std::vector<std::string> names;
  for (const PciAddress& address : addresses) {
    if (names.size() == kShown) break;
    names.push_back(address.ToString());
  }
  return names;
}

base::Failure NotFound(const Tree& tree, const Selector& selector) {
  const auto nearest =
      selector.kind == SelectorKind::kAddress
          ? Neighbours(tree, selector.address)
          : Nearest(base::LastComponent(selector.name), Candidates(tree, selector), kShown);
  const std::string near = nearest.empty() ? "" : "nearest: " + Join(nearest) + "; ";
  const std::string broken =
      selector.kind == SelectorKind::kName ? WhyNoAlias(tree) : std::string();
  const std::string why =
      broken.empty() ? "" : "if it names an entry, mend its file first: " + broken + "; ";
  return base::Fail(base::Code::kNotFound, Quote(selector.text) + ": no such PCI device",
                    why + near + "vassign list shows all");
}

bool IsHexOr(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char byte) {
    const bool is_hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
                        (byte >= 'A' && byte <= 'F');
    return is_hex || others.find(byte) != std::string_view::npos;
  });
}

bool ParseIds(std::string_view text, Selector& selector) {
  constexpr size_t kDigits = 4;  // a bus never has four, so that ids and addresses stay apart
  const auto parts = base::Split(text, ':');
  if (parts.size() != 2 || parts[0].size() != kDigits || parts[1].size() != kDigits) return false;
  const auto vendor = base::ParseHex(parts[0], UINT16_MAX);
  const auto device = base::ParseHex(parts[1], UINT16_MAX);
  if (!vendor || !device) return false;
  selector.kind = SelectorKind::kIds;
  selector.vendor = static_cast<uint16_t>(*vendor);
  selector.device = static_cast<uint16_t>(*device);
  selector.name = text;
  return true;
}

base::Status ParseGroup(std::string_view number, Selector& selector) {
  const auto id = base::ParseDecimal(number, UINT32_MAX);
  if (!id)
    return base::Fail(base::Code::kUsage, Quote(selector.text) + ": not an IOMMU group",
                      "write the group's number in decimal, like group:14");
  selector.kind = SelectorKind::kGroup;
  selector.group = static_cast<unsigned>(*id);
  selector.name = number;
  return {};
}

// "pci_0000_08_00_0" is "0000:08:00.0" to libvirt.
std::string FromLibvirt(std::string_view text) {
  std::string address(text);
  const size_t last = address.rfind('_');
  if (last != std::string::npos) address[last] = '.';
  std::replace(address.begin(), address.end(), '_', ':');
  return address;
}

base::Status ParseAddress(std::string_view text, Selector& selector) {
  selector.kind = SelectorKind::kAddress;
  selector.name = text;
  const auto address = PciAddress::Parse(text);
  if (!address) {
    const base::Error& error = address.error();
    return base::Failure(base::Error(error.code(), Quote(selector.text) + ": not a PCI address")
                             .WithHint(error.hint()));
  }
  selector.address = *address;
  return {};
}

// A prefix that names the kind.
struct Prefix {
  std::string_view text;
  SelectorKind kind;
};
constexpr std::array<Prefix, 4> kPrefixes = {{{"net:", SelectorKind::kNet},
                                              {"block:", SelectorKind::kBlock},
                                              {"/sys/", SelectorKind::kSysPath},
                                              {"/dev/", SelectorKind::kDevPath}}};

}  // namespace

base::Result<Selector> ParseSelector(std::string_view text) {
  Selector selector;
  selector.text = text;
  for (const std::string_view group : {"group:", "vfio:", "/dev/vfio/"}) {
    if (!text.starts_with(group)) continue;
    TRY(ParseGroup(text.substr(group.size()), selector));
    return selector;
  }
  for (const Prefix& prefix : kPrefixes) {
    if (!text.starts_with(prefix.text)) continue;
    selector.kind = prefix.kind;
    const bool is_path = prefix.text.starts_with('/');
    selector.name = is_path ? text : text.substr(prefix.text.size());
    return selector;
  }
  if (text.starts_with("pci_")) {
    TRY(ParseAddress(FromLibvirt(text.substr(4)), selector));
    return selector;
  }
  if (text.starts_with("pci-")) text.remove_prefix(4);
  if (ParseIds(text, selector)) return selector;
  const bool is_dotted_number = IsHexOr(text, ".") && text.find('.') != std::string_view::npos;
  if (text.empty() || text.find(':') != std::string_view::npos || is_dotted_number) {
    TRY(ParseAddress(text, selector));
    return selector;
  }
  selector.name = text;
  return selector;
}

base::Result<Addresses> Select(const Tree& tree, std::string_view text) {
  if (NamesVfs(text)) return SelectVfs(tree, text);
  const Selector selector = TRY(ParseSelector(text));
  Addresses found = TRY(Find(tree, selector));
  if (found.empty()) return NotFound(tree, selector);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

base::Result<Addresses> SelectAll(const Tree& tree, const std::vector<std::string>& texts) {
  std::set<PciAddress> all;
  for (const std::string& text : texts) {
    const Addresses found = TRY(Select(tree, text));
    all.insert(found.begin(), found.end());
  }
  return Addresses(all.begin(), all.end());
}

base::Result<PciAddress> SelectOne(const Tree& tree, std::string_view text) {
  const Addresses found = TRY(Select(tree, text));
  if (found.size() == 1) return found.front();
  std::vector<std::string> names;
  for (const PciAddress& address : found) {
    if (names.size() == kShown) break;
    names.push_back(address.ToString());
  }
  const std::string more = found.size() > kShown ? ", ..." : "";
  return base::Fail(base::Code::kNotFound,
                    fmt::format("{}: ambiguous, {} PCI devices match", Quote(text), found.size()),
                    "name one by its address: " + Join(names) + more);
}

}  // namespace cli
