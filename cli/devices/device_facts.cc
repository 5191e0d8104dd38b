#include "cli/devices/device_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/devices/busy.h"
#include "cli/permanent_address.h"
#include "sysfs/assignment/assignment.h"
#include "sysfs/base/text.h"
#include "sysfs/drivers.h"
#include "sysfs/guarded.h"
#include "sysfs/reset_methods.h"

namespace cli {
namespace {

using sysfs::Capability;
using sysfs::CapabilityId;
using sysfs::PciAddress;
using sysfs::Tree;

std::vector<std::string> Names(const Tree& tree, const std::string& path) {
  return tree.List(path).value_or(std::vector<std::string>{});
}

// With multipath a controller holds the hidden path "nvme0c1n1" of the disk "nvme0n1".
std::string VisibleNamespace(const std::string& name) {
  const size_t path = name.find('c');
  const size_t number = name.rfind('n');
  if (path == std::string::npos || number < path) return name;
  return name.substr(0, path) + name.substr(number);
}

// Directories of the classes that people know devices by.
std::vector<std::string> Interfaces(const Tree& tree, const std::string& path) {
  std::vector<std::string> found;
  for (const std::string_view kind : {"net", "drm", "infiniband", "nvme"}) {
    const std::string directory = fmt::format("{}/{}", path, kind);
    for (const std::string& name : Names(tree, directory)) {
      found.push_back(name);
      if (kind != "nvme") continue;
      for (const std::string& child : Names(tree, directory + "/" + name)) {
        if (child.starts_with("nvme")) found.push_back(VisibleNamespace(child));
      }
    }
  }
  return found;
}

void ReadDrivers(const Tree& tree, const std::string& sysroot, DeviceFacts& facts) {
  const std::string& modalias = facts.device.modalias;
  if (!facts.device.is_bridge()) facts.vfio_driver = sysfs::BestVfioDriver(tree, modalias);
  const std::string release =
      sysfs::ReadText(tree, "/proc/sys/kernel/osrelease").value_or("unknown");
  auto candidates = sysfs::CandidateDrivers(tree, modalias, sysroot + "/lib/modules/" + release);
  if (candidates) {
    facts.candidates = std::move(*candidates);
  } else {
    facts.unknown.push_back({"candidate_drivers", "Candidates",
                             "no index of the modules of kernel " + release + " is here"});
  }
}

void ReadGroupFacts(const Tree& tree, DeviceFacts& facts) {
  if (!facts.device.iommu_group) return;
  auto group = sysfs::ReadGroup(tree, *facts.device.iommu_group);
  if (!group) return;
  for (const PciAddress& address : group->members) {
    GroupMember member;
    member.address = address;
    if (const auto device = sysfs::ReadDevice(tree, address, sysfs::Detail::kBrief)) {
      member.class_code = device->class_code;
      member.driver = device->driver;
    }
    member.blocks = member.driver && !sysfs::IsManagedDmaDriver(tree, *member.driver);
    facts.members.push_back(std::move(member));
  }
  for (const char* form : {"/dev/vfio/{}", "/dev/vfio/noiommu-{}"}) {
    const std::string node = fmt::format(fmt::runtime(form), group->id);
    if (!facts.group_node && tree.Exists(node)) facts.group_node = node;
  }
  const auto cdevs = Names(tree, facts.device.path() + "/vfio-dev");
  if (!cdevs.empty()) facts.device_node = "/dev/vfio/devices/" + cdevs.front();
  facts.group = std::move(*group);
}

// Who has it open through VFIO.
void ReadOwner(const Tree& tree, const FactSources& sources, DeviceFacts& facts) {
  const auto& driver = facts.device.driver;
  if (!driver || !sysfs::IsVfioDriver(tree, *driver)) return;
  const std::vector<std::string> nodes = sysfs::VfioNodes(tree, facts.device);
  if (nodes.empty()) return;
  const Owners owners(tree, nodes, sources.device_number);
  facts.owner = owners.Of(nodes);
  if (!facts.owner && !owners.sees_all())
    facts.unknown.push_back({"owner", "Owner", std::string(kOwnerUnknown)});
}

// The bit map of resourceN_resize: bit n stands for 2^n MiB (PCIe 6.0, 7.8.6).
std::vector<uint64_t> ResizableSizes(const Tree& tree, const std::string& path, unsigned index) {
  std::vector<uint64_t> sizes;
  constexpr unsigned kMostBits = 44;  // 2^43 MiB is the largest that fits 64 bits
  const auto bits = sysfs::ReadHex(tree, fmt::format("{}/resource{}_resize", path, index));
  for (unsigned bit = 0; bits && bit < kMostBits; ++bit) {
    if ((*bits >> bit & 1) != 0) sizes.push_back(uint64_t{1} << (20 + bit));
  }
  return sizes;
}

std::optional<bool> ReadBool(const Tree& tree, const std::string& path) {
  const auto value = sysfs::ReadDecimal(tree, path);
  if (!value) return std::nullopt;
  return *value != 0;
}

std::string SleepReason(const Power& power) {
  return fmt::format("the device sleeps ({}), and reading it would wake it",
                     power.state.value_or(power.runtime.value_or("suspended")));
}

void ReadSriov(const Tree& tree, DeviceFacts& facts) {
  const sysfs::PciDevice& device = facts.device;
  facts.sriov_autoprobe = ReadBool(tree, device.path() + "/sriov_drivers_autoprobe");
  if (!device.physfn) return;
  const auto pf = sysfs::ReadDevice(tree, *device.physfn, sysfs::Detail::kUnlocked);
  if (!pf) return;
  const auto self = std::find(pf->virtfns.begin(), pf->virtfns.end(), device.address);
  if (self != pf->virtfns.end()) facts.vf_index = static_cast<unsigned>(self - pf->virtfns.begin());
}

// What only the device itself can tell, unless it sleeps.
void ReadAwake(const Tree& tree, DeviceFacts& facts) {
  const std::string path = facts.device.path();
  const bool asleep = IsAsleep(facts.power);
  for (const sysfs::PciBar& bar : sysfs::ReadBars(tree, facts.device.address)) {
    facts.bars.push_back({bar, std::nullopt});
    if (!asleep) facts.bars.back().resizable = ResizableSizes(tree, path, bar.index);
  }
  if (!asleep) {
    facts.link = ReadLinkFacts(tree, path);
    return;
  }
  const std::string reason = SleepReason(facts.power);
  facts.unknown.push_back({"link", "Link", reason});
  if (!facts.bars.empty()) facts.unknown.push_back({"bars.resizable", "BAR sizes", reason});
}

void ReadConfig(const Tree& tree, DeviceFacts& facts) {
  const auto unknown = [&](const std::string& reason) {
    facts.unknown.push_back({"capabilities", "Interrupts, Capabilities", reason});
  };
  if (IsAsleep(facts.power)) {
    unknown(SleepReason(facts.power));
    return;
  }
  const auto bytes = tree.ReadBytes(facts.device.path() + "/config", sysfs::kExtendedConfigSize);
  if (!bytes) {
    unknown("configuration space could not be read: run as root");
  } else if (bytes->size() < sysfs::kConfigSize) {
    unknown("only root reads configuration space behind its header");
  } else if (base::LoadLe<uint16_t>(*bytes, sysfs::registers::header::kVendor) == 0xffff) {
    unknown("the device does not answer (all ones)");
  } else {
    facts.config = ParseConfig(*bytes);
  }
}

// Last: another process may hold the lock.
void ReadBehindLock(const Tree& tree, const FactSources& sources, DeviceFacts& facts) {
  if (!sources.sysroot.empty()) {
    sysfs::ReadLocked(tree, facts.device);
    return;
  }
  const auto errors = sysfs::ReadGuarded(tree, std::span(&facts.device, 1));
  if (!facts.device.busy) return;
  const std::string reason = errors.empty() ? std::string(kBusyReason) : errors.begin()->second;
  facts.unknown.push_back({"driver_override", "Override", reason});
  if (facts.device.sriov_totalvfs) facts.unknown.push_back({"sriov.num", "Enabled", reason});
}

}  // namespace

std::optional<Link> ReadLinkFacts(const Tree& tree, const std::string& path) {
  const auto speed = sysfs::ReadText(tree, path + "/current_link_speed");
  const auto width = sysfs::ReadDecimal(tree, path + "/current_link_width");
  if (!speed || !width || *width == 0) return std::nullopt;  // no link, or none of PCI Express
  Link link;
  link.speed = *speed;
  link.width = static_cast<unsigned>(*width & 0xff);
  link.max_speed = sysfs::ReadText(tree, path + "/max_link_speed").value_or("");
  link.max_width =
      static_cast<unsigned>(sysfs::ReadDecimal(tree, path + "/max_link_width").value_or(0) & 0xff);
  return link;
}

Power ReadPower(const Tree& tree, const std::string& path) {
  return {sysfs::ReadText(tree, path + "/power_state"),
          sysfs::ReadText(tree, path + "/power/control"),
          sysfs::ReadText(tree, path + "/power/runtime_status"),
          ReadBool(tree, path + "/d3cold_allowed")};
}

bool IsAsleep(const Power& power) {
  if (power.runtime == "suspended" || power.runtime == "suspending") return true;
  return power.state && power.state->starts_with('D') && *power.state != "D0";
}

ConfigFacts ParseConfig(std::span<const std::byte> config) {
  namespace express = sysfs::registers::express;
  ConfigFacts facts;
  facts.capabilities = sysfs::ListCapabilities(config);
  facts.extended = sysfs::ListExtendedCapabilities(config);
  facts.msi_vectors = sysfs::MsiVectors(config);
  facts.msix_vectors = sysfs::MsixVectors(config);
  if (const auto at = sysfs::FindCapability(config, CapabilityId::kExpress)) {
    const auto bits = base::LoadLe<uint32_t>(config, size_t{*at} + express::kDeviceCapabilities);
    facts.function_level_reset = express::FunctionLevelReset::Get(bits) != 0;
  }
  return facts;
}

base::Result<DeviceFacts> ReadFacts(const Tree& tree, const PciAddress& address,
                                    const FactSources& sources) {
  DeviceFacts facts;
  facts.device = TRY(sysfs::ReadDevice(tree, address, sysfs::Detail::kUnlocked));
  const std::string path = facts.device.path();
  facts.bridges = sysfs::BridgesAbove(tree, address);
  facts.interfaces = Interfaces(tree, path);
  ReadDrivers(tree, sources.sysroot, facts);
  ReadGroupFacts(tree, facts);
  ReadOwner(tree, sources, facts);
  facts.power = ReadPower(tree, path);
  facts.identity = sysfs::ReadIdentity(
      tree, facts.device,
      IsAsleep(facts.power) ? sysfs::IdentityDetail::kPassive : sysfs::IdentityDetail::kWhole,
      PermanentAddressOf(sources.device_number));
  facts.reset_methods = sysfs::ReadResetMethods(tree, address);
  ReadSriov(tree, facts);
  ReadAwake(tree, facts);
  ReadConfig(tree, facts);
  ReadBehindLock(tree, sources, facts);
  return facts;
}

}  // namespace cli
