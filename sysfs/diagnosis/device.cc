#include "sysfs/diagnosis/device.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/diagnosis/kernel_log.h"
#include "sysfs/evidence/force.h"

namespace sysfs {
namespace {

// Another function of the same slot is no surprise in a group.
bool IsSibling(const PciAddress& a, const PciAddress& b) {
  return a.domain == b.domain && a.bus == b.bus && a.device == b.device;
}

Finding UseBlocks(const Evidence& piece) {
  std::string cure = piece.cure;
  if (CanOverride(piece)) {
    cure += fmt::format("{}--force={} takes it all the same: {}", cure.empty() ? "" : "; ",
                        Name(*piece.reason), Risk(*piece.reason));
  }
  return Blocks("in-use", base::Code::kInUse, Chain(piece), std::move(cure));
}

void JudgeUse(const DeviceDiagnosis& facts, std::vector<Finding>& findings) {
  if (facts.evidence.empty()) {
    findings.push_back(Good("in-use", "nothing uses it"));
    return;
  }
  constexpr size_t kNamed = 6;  // a console may have dozens of users
  size_t count = 0;
  for (const Evidence& piece : facts.evidence) {
    // On a VFIO driver the host uses nothing of it any more but by VFIO; who manages it, is told.
    if (!piece.refuses || (facts.on_vfio_driver && piece.kind == UseKind::kForeign)) {
      findings.push_back(Note("in-use", Chain(piece), piece.cure));
    } else if (++count <= kNamed) {
      findings.push_back(UseBlocks(piece));
    }
  }
  if (count > kNamed) {
    findings.push_back(Blocks("in-use", base::Code::kInUse,
                              fmt::format("and {} more uses", count - kNamed),
                              "vassign show --json names them all"));
  }
}

Finding JudgeSize(const DeviceDiagnosis& facts) {
  constexpr const char* kCheck = "isolation";
  const PciDevice& device = facts.viability.device;
  const auto& members = facts.group->members;
  const auto others = std::count_if(members.begin(), members.end(), [&](const PciAddress& one) {
    return !IsSibling(one, device.address);
  });
  if (members.size() == 1) return Good(kCheck, fmt::format("alone in group {}", facts.group->id));
  bool unreadable = false;
  const auto cause = ExplainGroup(facts.path, unreadable);
  std::string text = fmt::format("group {} has {} functions", facts.group->id, members.size());
  if (cause) return Note(kCheck, text + ": " + *cause, "use a slot behind a port of its own");
  if (unreadable) return Unknown(kCheck, text + "; why, only root can read", "run as root");
  return Note(kCheck, text + (others == 0 ? ": those of one card" : ""));
}

void JudgeGroup(const DeviceDiagnosis& facts, std::vector<Finding>& findings) {
  const PciDevice& device = facts.viability.device;
  const std::string prefix = device.address.ToString() + ": ";
  const base::Status viable = CheckViability(facts.viability, {}, {});
  if (!viable) {
    findings.push_back(Blocks("group", viable.error(), prefix));
  } else {
    findings.push_back(Good(
        "group", fmt::format("group {} has no driver in the way", device.iommu_group.value_or(0))));
  }
  if (facts.group) findings.push_back(JudgeSize(facts));
}

void JudgeDriver(const DeviceDiagnosis& facts, std::vector<Finding>& findings) {
  if (facts.on_vfio_driver) {
    findings.push_back(Good("driver", "bound to " + *facts.viability.device.driver));
    return;
  }
  const Finding vfio = JudgeVfioDriver(facts.host);
  if (vfio.grade == Grade::kBlocker) {
    findings.push_back(vfio);
  } else if (facts.vfio_driver && *facts.vfio_driver != "vfio-pci" &&
             *facts.vfio_driver != "vfio_pci") {
    findings.push_back(Good("driver", fmt::format("{} knows this device", *facts.vfio_driver)));
  } else {
    findings.push_back(Good("driver", "vfio-pci " + vfio.text));
  }
}

void JudgeFunctions(const DeviceDiagnosis& facts, std::vector<Finding>& findings) {
  const PciDevice& device = facts.viability.device;
  if (device.sriov_numvfs.value_or(0) > 0 && !facts.on_vfio_driver) {
    findings.push_back(
        Blocks("sriov", base::Code::kInUse,
               fmt::format("it has {} virtual functions enabled", *device.sriov_numvfs),
               fmt::format("vassign sriov set {} 0, or assign one of them: {}#0",
                           device.address.ToString(), device.address.ToString())));
  }
  if (device.sriov_totalvfs && facts.has_max_vfs) {
    findings.push_back(
        Note("sriov", fmt::format("{} has a module parameter max_vfs", *device.driver),
             "if vassign sriov set finds no support in this driver, load it with max_vfs=N"));
  }
}

// Of a function that cannot be reset alone: what its bus offers when it is bound, and when its
// whole group is.
Finding JudgeBusReset(const DeviceDiagnosis& facts) {
  if (facts.reset.alone)  // no device of this host says how
    return Warning("reset",
                   "the kernel cannot reset it: the next user meets what the last one left",
                   "stop and start the host between users who do not trust each other");
  std::vector<PciAddress> moving = {facts.viability.device.address};
  const auto why = ExplainNoReset(facts.reset, moving);
  if (!why) return Good("reset", "with all of its bus");
  const std::string by_force =
      fmt::format("--force=no-reset binds it all the same: {}", Risk(ForceReason::kNoReset));
  if (facts.group)
    moving.insert(moving.end(), facts.group->members.begin(), facts.group->members.end());
  if (ExplainNoReset(facts.reset, moving))
    return Blocks("reset", base::Code::kUnfit, *why, by_force);
  return Blocks("reset", base::Code::kUnfit, *why,
                fmt::format("vassign bind --group {}  ({})", moving.front().ToString(), by_force));
}

void JudgeReset(const DeviceDiagnosis& facts, std::vector<Finding>& findings) {
  if (!facts.reset_methods) {
    findings.push_back(Good("reset", "the kernel can reset it"));
  } else if (facts.reset_methods->empty()) {
    findings.push_back(JudgeBusReset(facts));
  } else {
    findings.push_back(Good("reset", fmt::format("{}", fmt::join(*facts.reset_methods, ", "))));
  }
}

void JudgePower(const DeviceDiagnosis& facts, std::vector<Finding>& findings) {
  const std::string path = facts.viability.device.path();
  const bool is_off = facts.power_state == "D3cold" || facts.power_state == "D3hot";
  if (!is_off && facts.runtime_status != "suspended") return;
  findings.push_back(Note("power",
                          fmt::format("it sleeps ({})", is_off ? facts.power_state : "suspended"),
                          fmt::format("if it does not wake up: echo on >{}/power/control", path)));
}

void JudgeLog(const DeviceDiagnosis& facts, std::vector<Finding>& findings) {
  if (!facts.host.log) return;
  for (const LogLine& line : DecodeKernelLog(*facts.host.log, facts.viability.device.address)) {
    Finding finding = line.meaning;
    finding.text += fmt::format(" (kernel log: {})", line.line);
    findings.push_back(std::move(finding));
  }
}

}  // namespace

// `direct` regions, unlike `direct-relaxable` ones, must stay mapped for the device
// (Documentation/ABI/testing/sysfs-kernel-iommu_groups).
std::optional<Finding> JudgeReserved(const IommuGroup& group) {
  for (const ReservedRegion& region : group.reserved) {
    if (region.kind != ReservedKind::kDirect) continue;
    return Blocks("reserved-memory", base::Code::kUnfit,
                  fmt::format("firmware keeps {:#x} to {:#x} mapped for group {} (RMRR)",
                              region.start, region.last, group.id),
                  "switch off what uses it in the firmware setup, or use another slot");
  }
  return std::nullopt;
}

std::vector<Finding> JudgeDevice(const DeviceDiagnosis& facts) {
  std::vector<Finding> findings;
  const PciDevice& device = facts.viability.device;
  if (device.is_bridge()) {
    JudgeGroup(facts, findings);
    return findings;
  }
  JudgeUse(facts, findings);
  JudgeGroup(facts, findings);
  if (device.iommu_group) findings.push_back(JudgeInterruptRemapping(facts.host));
  if (facts.group) {
    if (auto reserved = JudgeReserved(*facts.group)) findings.push_back(std::move(*reserved));
  }
  JudgeDriver(facts, findings);
  JudgeFunctions(facts, findings);
  JudgeReset(facts, findings);
  JudgePower(facts, findings);
  JudgeLog(facts, findings);
  return findings;
}

}  // namespace sysfs
