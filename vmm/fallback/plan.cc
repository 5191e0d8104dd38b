#include "vmm/fallback/plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace vmm {
namespace {

using base::Code;
using sysfs::Evidence;
using sysfs::UseKind;

constexpr uint8_t kStorageClass = 0x01;
constexpr uint8_t kNetworkClass = 0x02;
constexpr uint16_t kUsualMtu = 1500;

// Both reasons in one error: neither the device nor its fallback can be had.
base::Failure Refuse(const base::Error& why, Code code, std::string_view text, std::string hint) {
  return base::Failure(
      base::Error(code, fmt::format("{}; its fallback is refused: {}", why.message(), text))
          .WithHint(std::move(hint)));
}

base::Failure NoNode(const base::Error& why, const FallbackFacts& facts, std::string_view what) {
  const std::string name = facts.device.address.ToString();
  const std::string driver = facts.device.driver.value_or("no driver");
  if (facts.taken) {
    return Refuse(why, why.code(), fmt::format("on {} it has no {}", driver, what),
                  fmt::format("vassign restore {} gives it back to its driver, which makes the "
                              "fallback possible",
                              name));
  }
  return Refuse(why, why.code(), fmt::format("with {} it has no {}", driver, what),
                fmt::format("give it to its driver: echo {} > /sys/bus/pci/drivers_probe", name));
}

// The one that was asked for, or the only one. `names` is not empty.
base::Result<std::string> ChooseNode(const FallbackWish& wish,
                                     const std::vector<std::string>& names, const base::Error& why,
                                     std::string_view what) {
  if (wish.node.empty() && names.size() == 1) return names.front();
  if (!wish.node.empty() && std::find(names.begin(), names.end(), wish.node) != names.end()) {
    return wish.node;
  }
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  return Refuse(why, why.code(),
                wish.node.empty() ? fmt::format("it has several {}: {}", what, list)
                                  : fmt::format("{} is none of its {}", wish.node, what),
                "name one: fallback=virtio:" + names.front() +
                    (names.size() > 1 ? fmt::format(" (of {})", list) : std::string()));
}

// Another disk of the same drive may be in use.
bool IsOfOtherDisk(const Evidence& piece, const std::string& disk,
                   const std::vector<std::string>& disks) {
  const auto has = [&](const std::string& name) {
    return std::find(piece.path.begin(), piece.path.end(), name) != piece.path.end();
  };
  return !has(disk) && std::any_of(disks.begin(), disks.end(), has);
}

// The host's own use of an interface goes on beside a macvtap; a manager of the whole device, or
// one that has taken the interface elsewhere, does not expect it.
bool ForbidsMacvtap(const Evidence& piece) {
  return piece.kind == UseKind::kForeign || piece.kind == UseKind::kNamespace;
}

base::Failure InUse(const base::Error& why, const std::vector<Evidence>& evidence) {
  std::string text;
  for (const Evidence& piece : evidence) {
    text += fmt::format("{}{}", text.empty() ? "" : "; ", piece.detail);
  }
  base::Failure refused =
      Refuse(why, Code::kInUse, "the host uses it: " + text, evidence.front().cure);
  return base::Failure(std::move(refused).value().WithUses(sysfs::ToUses(evidence, false)));
}

FallbackPlan Begin(const AssignRequest& request, base::Error why) {
  return {{request.host, IdOf(request), std::move(why)}, {}};
}

base::Result<FallbackPlan> PlanDisk(const AssignRequest& request, base::Error why,
                                    const FallbackFacts& facts) {
  if (facts.disks.empty()) return NoNode(why, facts, "block device");
  const std::string disk = TRY(ChooseNode(*request.fallback, facts.disks, why, "disks"));
  std::vector<Evidence> uses;
  std::copy_if(facts.evidence.begin(), facts.evidence.end(), std::back_inserter(uses),
               [&](const Evidence& piece) {
                 return piece.refuses && !IsOfOtherDisk(piece, disk, facts.disks);
               });
  if (!uses.empty()) return InUse(why, uses);
  FallbackPlan plan = Begin(request, std::move(why));
  virtio::BlkOptions blk;
  blk.image.file = "/dev/" + disk;
  blk.image.cache = virtio::CacheMode::kNone;  // the drive has a cache of its own
  blk.image.raw = true;                        // whatever its first bytes look like
  blk.serial = facts.serial.substr(0, virtio::kMostSerial);
  plan.fallback.kind = FallbackKind::kDisk;
  plan.fallback.instead = "virtio-blk on " + blk.image.file;
  plan.fallback.means = fmt::format("all I/O goes through the host's driver {}",
                                    facts.device.driver.value_or("of the drive"));
  plan.device = std::move(blk);
  return plan;
}

base::Result<FallbackPlan> PlanNet(const AssignRequest& request, base::Error why,
                                   const FallbackFacts& facts) {
  if (facts.interfaces.empty()) return NoNode(why, facts, "network interface");
  std::vector<Evidence> uses;
  std::copy_if(facts.evidence.begin(), facts.evidence.end(), std::back_inserter(uses),
               [](const Evidence& piece) { return piece.refuses && ForbidsMacvtap(piece); });
  if (!uses.empty()) return InUse(why, uses);
  std::vector<std::string> names;
  for (const HostInterface& one : facts.interfaces) names.push_back(one.name);
  const std::string name = TRY(ChooseNode(*request.fallback, names, why, "interfaces"));
  const HostInterface& lower =
      *std::find_if(facts.interfaces.begin(), facts.interfaces.end(),
                    [&](const HostInterface& one) { return one.name == name; });
  if (!lower.master.empty()) {
    return Refuse(why, Code::kInUse,
                  fmt::format("{} belongs to {}, which has all its frames", name, lower.master),
                  "use a tap in that bridge: --net tap,ifname=NAME");
  }
  if (lower.wireless) {
    return Refuse(why, Code::kUnfit,
                  name + " is wireless: an access point takes frames of one address only",
                  "use a routed tap: --net tap");
  }
  FallbackPlan plan = Begin(request, std::move(why));
  virtio::NetOptions net;
  net.link = virtio::MacvtapLink{name};
  if (lower.mtu != kUsualMtu) net.mtu = lower.mtu;
  plan.fallback.kind = FallbackKind::kNet;
  plan.fallback.instead = fmt::format("virtio-net on a macvtap over {}{}", name,
                                      facts.of_physical ? " of the physical function" : "");
  plan.fallback.means = fmt::format(
      "host and guest cannot talk to each other over {}, the guest has an address of "
      "its own{}",
      name, lower.up ? "" : fmt::format(", and {0} is down: ip link set {0} up", name));
  plan.device = std::move(net);
  return plan;
}

}  // namespace

std::string FallbackText(const Fallback& fallback) {
  const std::string& hint = fallback.why.hint();
  const std::string name = fallback.host.ToString();
  std::string_view why = fallback.why.message();
  if (why.starts_with(name + ": ")) why.remove_prefix(name.size() + 2);
  return fmt::format("{}: not assigned: {}{}; {} serves instead: {}", name, why,
                     hint.empty() ? "" : fmt::format(" (cure: {})", hint), fallback.instead,
                     fallback.means);
}

bool AllowsFallback(Code code) {
  switch (code) {
    case Code::kUnfit:        // no IOMMU, a group that is not viable
    case Code::kInUse:        // on the host's driver, or another machine has it
    case Code::kDenied:       // no rights on the VFIO nodes
    case Code::kUnsupported:  // no VFIO in this kernel
      return true;
    case Code::kInternal:
    case Code::kUsage:
    case Code::kNotFound:
    case Code::kKernel:
    case Code::kTimedOut:
    case Code::kLocked:
    case Code::kPartial:
    case Code::kDiffers:
      break;
  }
  return false;
}

base::Result<FallbackPlan> PlanFallback(const AssignRequest& request, base::Error why,
                                        const FallbackFacts& facts) {
  switch (facts.device.base_class()) {
    case kStorageClass:
      return PlanDisk(request, std::move(why), facts);
    case kNetworkClass:
      return PlanNet(request, std::move(why), facts);
    default:
      return Refuse(why, why.code(), "it is neither a drive nor a network card", why.hint());
  }
}

}  // namespace vmm
