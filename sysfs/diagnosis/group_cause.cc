#include "sysfs/diagnosis/group_cause.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/bits.h"
#include "sysfs/base/text.h"
#include "sysfs/capability.h"

namespace sysfs {
namespace {

using base::LoadLe;

namespace acs = registers::acs;
namespace express = registers::express;

HopKind KindOf(std::span<const std::byte> config, bool is_bridge) {
  const auto found = FindCapability(config, CapabilityId::kExpress);
  if (!found || *found + size_t{express::kDeviceCapabilities} > config.size())
    return is_bridge ? HopKind::kConventional : HopKind::kEndpoint;
  const auto flags = LoadLe<uint16_t>(config, *found + express::kCapabilities);
  switch (express::PortType::Get(flags)) {
    case express::kRootPort:
      return HopKind::kRootPort;
    case express::kUpstreamPort:
      return HopKind::kUpstream;
    case express::kDownstreamPort:
      return HopKind::kDownstream;
    case express::kToPciBridge:
    case express::kFromPciBridge:
      return HopKind::kConventional;
    default:
      return HopKind::kEndpoint;
  }
}

Hop ReadHop(const Tree& tree, const PciAddress& address) {
  Hop hop;
  hop.address = address;
  const std::string path = "/sys/bus/pci/devices/" + address.ToString();
  // Reading the configuration space of a sleeping function wakes it.
  if (ReadText(tree, path + "/power/runtime_status") == "suspended") return hop;
  const auto config = tree.ReadBytes(path + "/config", kExtendedConfigSize);
  if (!config || config->size() < kConfigSize) return hop;
  hop.readable = true;
  constexpr uint32_t kBridgeClass = 0x0604;
  const bool is_bridge = ReadHex(tree, path + "/class").value_or(0) >> 8 == kBridgeClass;
  hop.kind = KindOf(*config, is_bridge);
  const auto type = LoadLe<uint8_t>(*config, registers::header::kType);
  hop.multifunction = registers::header::MultiFunction::Get(type) != 0;
  const auto at = FindExtendedCapability(*config, ExtendedId::kAcs);
  if (at && *at + acs::kControl + sizeof(uint16_t) <= config->size()) {
    const auto capability = LoadLe<uint16_t>(*config, *at + size_t{acs::kCapabilities});
    const auto control = LoadLe<uint16_t>(*config, *at + size_t{acs::kControl});
    hop.acs = AccessControl{capability, control};
  }
  return hop;
}

std::string_view Name(HopKind kind) {
  switch (kind) {
    case HopKind::kConventional:
      return "conventional PCI bridge";
    case HopKind::kRootPort:
      return "root port";
    case HopKind::kUpstream:
      return "upstream switch port";
    case HopKind::kDownstream:
      return "downstream switch port";
    case HopKind::kEndpoint:
      return "multifunction device";
  }
  return "device";
}

// Services that the hop has and that are off, of those that isolation takes.
std::string MissingServices(const AccessControl& one) {
  std::string text;
  const auto check = [&](auto service, std::string_view name) {
    using Service = decltype(service);
    if (Service::Get(one.capability) == 0 || Service::Get(one.control) != 0) return;
    if (!text.empty()) text += ", ";
    text += name;
  };
  check(acs::SourceValidation{}, "Source Validation");
  check(acs::RequestRedirect{}, "Request Redirect");
  check(acs::CompletionRedirect{}, "Completion Redirect");
  check(acs::UpstreamForwarding{}, "Upstream Forwarding");
  return text;
}

}  // namespace

std::vector<Hop> ReadPath(const Tree& tree, const PciDevice& device) {
  std::vector<Hop> path;
  const auto real = RealPath(tree, device.path());
  if (!real) return path;
  for (const std::string_view part : base::Split(*real, '/')) {
    if (const auto address = PciAddress::Parse(part)) path.push_back(ReadHop(tree, *address));
  }
  return path;
}

bool Isolates(const Hop& hop) {
  if (!hop.readable) return true;
  const bool needs_acs =
      hop.kind == HopKind::kRootPort || hop.kind == HopKind::kDownstream || hop.multifunction;
  if (hop.kind == HopKind::kConventional) return false;
  if (!needs_acs) return true;
  if (!hop.acs) return false;
  return MissingServices(*hop.acs).empty();
}

std::optional<std::string> ExplainGroup(const std::vector<Hop>& path, bool& unreadable) {
  unreadable = std::any_of(path.begin(), path.end(), [](const Hop& hop) { return !hop.readable; });
  const auto hop =
      std::find_if(path.begin(), path.end(), [](const Hop& one) { return !Isolates(one); });
  if (hop == path.end()) return std::nullopt;
  const std::string name = fmt::format("{} ({})", hop->address.ToString(), Name(hop->kind));
  if (hop->kind == HopKind::kConventional)
    return name + " cannot tell the devices behind it apart: they share the group";
  const bool is_endpoint = hop->kind == HopKind::kEndpoint;
  const char* what = is_endpoint ? "its functions share" : "what is below it shares";
  if (!hop->acs) return fmt::format("{} has no Access Control Services: {} the group", name, what);
  return fmt::format("{} has {} switched off: {} the group", name, MissingServices(*hop->acs),
                     what);
}

}  // namespace sysfs
