#include "sysfs/diagnosis/host.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "sysfs/diagnosis/kernel_log.h"

namespace sysfs {
namespace {

bool HasFlag(const HostFacts& facts, std::string_view flag) {
  const auto flags = base::Split(facts.processor_flags, ' ');
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Finding JudgeProcessor(const HostFacts& facts) {
  constexpr const char* kCheck = "virtualization";
  if (facts.processor_flags.empty())
    return Unknown(kCheck, "/proc/cpuinfo names no processor flags");
  if (HasFlag(facts, "vmx")) return Good(kCheck, "the processor has VT-x (vmx)");
  if (HasFlag(facts, "svm")) return Good(kCheck, "the processor has AMD-V (svm)");
  if (facts.kvm_node) return Note(kCheck, "the processor shows neither vmx nor svm, but KVM works");
  const bool is_guest = HasFlag(facts, "hypervisor");
  return Blocks(kCheck, base::Code::kUnsupported, "the processor shows neither vmx nor svm",
                is_guest ? "this host is a virtual machine: switch on nested virtualization in "
                           "the one that runs it"
                         : "switch on VT-x or SVM in the firmware setup");
}

Finding JudgeKvm(const HostFacts& facts) {
  constexpr const char* kCheck = "kvm";
  if (!facts.kvm_node) {
    return Blocks(kCheck, base::Code::kUnsupported, "/dev/kvm is not there",
                  HasFlag(facts, "svm") ? "modprobe kvm_amd" : "modprobe kvm_intel");
  }
  if (facts.kvm_access == false) {
    return Warning(kCheck, "this user may not open /dev/kvm",
                   "add the user to the group of /dev/kvm: usermod -aG kvm USER");
  }
  return Good(kCheck, "/dev/kvm is there");
}

Finding JudgeNestedPaging(const HostFacts& facts) {
  constexpr const char* kCheck = "nested-paging";
  if (!facts.nested_paging) {
    return Unknown(kCheck, "KVM's module is not loaded, or does not say",
                   "modprobe kvm_intel or kvm_amd");
  }
  if (*facts.nested_paging) return Good(kCheck, "KVM uses nested page tables");
  return Warning(kCheck, "KVM works with shadow page tables, which is slow",
                 "load kvm_intel with ept=1 or kvm_amd with npt=1; older processors lack it");
}

Finding JudgeTranslation(const HostFacts& facts) {
  constexpr const char* kCheck = "dma-translation";
  if (facts.identity_groups == 0) return Good(kCheck, "host DMA is translated");
  return Note(kCheck,
              fmt::format("{} of {} groups pass host DMA untranslated (identity) until a guest "
                          "owns them",
                          facts.identity_groups, facts.groups));
}

// The patch that is not in Linux: it says so once at boot. On other kernels the word is ignored.
Finding JudgeAcsOverride(const HostFacts& facts) {
  constexpr const char* kCheck = "acs-override";
  if (!Has(facts.iommu.kernel_command, "pcie_acs_override="))
    return Good(kCheck, "groups are as the hardware isolates them");
  constexpr const char* kCure = "remove pcie_acs_override= from the kernel's command line";
  if (facts.log && HoldsBoot(*facts.log) && !Has(*facts.log, "PCIe ACS overrides enabled")) {
    return Note(kCheck,
                "pcie_acs_override= is on the kernel's command line, but this kernel does "
                "not know it",
                kCure);
  }
  return Warning(kCheck,
                 "pcie_acs_override= splits groups that the hardware does not isolate: "
                 "their devices may reach each other past the IOMMU",
                 kCure);
}

Finding JudgeLockdown(const HostFacts& facts) {
  constexpr const char* kCheck = "lockdown";
  if (facts.lockdown.empty() || facts.lockdown == "none")
    return Good(kCheck, "the kernel is not locked down");
  return Note(kCheck, fmt::format("the kernel is locked down ({}): no unsigned modules, no writes "
                                  "to configuration space or BARs from user space",
                                  facts.lockdown));
}

Finding JudgeBackend(const HostFacts& facts) {
  constexpr const char* kCheck = "dma-backend";
  const bool has_type1 = facts.type1 == Presence::kLoaded || facts.type1 == Presence::kAvailable;
  if (facts.iommufd_node) return Good(kCheck, has_type1 ? "iommufd, and type1" : "iommufd");
  if (has_type1) return Good(kCheck, "type1 (this kernel has no iommufd)");
  return Blocks(kCheck, base::Code::kUnsupported,
                "this kernel has neither iommufd nor VFIO's type1 back end",
                "modprobe iommufd, or modprobe vfio_iommu_type1");
}

void AddLogLines(const HostFacts& facts, std::vector<Finding>& findings) {
  if (!facts.log) {
    findings.push_back(Unknown("kernel-log", "this user may not read it",
                               "run as root, or sysctl "
                               "kernel.dmesg_restrict=0"));
    return;
  }
  const auto lines = DecodeKernelLog(*facts.log, std::nullopt);
  for (const LogLine& line : lines) {
    const bool is_known = std::any_of(findings.begin(), findings.end(), [&](const Finding& one) {
      return one.check == line.meaning.check && one.grade >= line.meaning.grade;
    });
    if (is_known) continue;
    Finding finding = line.meaning;
    finding.text += ": " + line.line;
    findings.push_back(std::move(finding));
  }
  if (lines.empty()) findings.push_back(Good("kernel-log", "no known complaint"));
}

}  // namespace

Finding JudgeIommu(const HostFacts& facts) {
  constexpr const char* kCheck = "iommu";
  if (facts.groups > 0) return Good(kCheck, fmt::format("on, {} groups", facts.groups));
  const IommuProblem problem = ExplainMissingIommu(facts.iommu);
  return Blocks(kCheck, base::Code::kUnfit, problem.cause, problem.cure);
}

// The interrupt chips' names tell without privileges: "IR-" is in front where the kernel remaps.
Finding JudgeInterruptRemapping(const HostFacts& facts) {
  constexpr const char* kCheck = "interrupt-remapping";
  if (Has(facts.interrupts, "IR-IO-APIC") || Has(facts.interrupts, "IR-PCI-MSI"))
    return Good(kCheck, "on");
  if (facts.groups == 0) return Note(kCheck, "comes with the IOMMU");
  if (facts.unsafe_interrupts) {
    return Warning(kCheck,
                   "off, and allowed all the same (allow_unsafe_interrupts): a guest's "
                   "device can raise any interrupt of this host",
                   "switch on interrupt remapping in the firmware setup");
  }
  if (facts.interrupts.empty()) return Unknown(kCheck, "/proc/interrupts is not readable");
  const bool opted_out = facts.log && Has(*facts.log, "BIOS sets x2apic opt out bit");
  return Blocks(kCheck, base::Code::kUnfit,
                "off: VFIO refuses devices, because a guest's device could raise any interrupt of "
                "this host",
                opted_out
                    ? "switch x2APIC on in the firmware setup, or boot with "
                      "intremap=no_x2apic_optout"
                    : "switch on interrupt remapping in the firmware setup and remove "
                      "intremap=off; to accept the risk, load vfio_iommu_type1 or iommufd with "
                      "allow_unsafe_interrupts=1");
}

Finding JudgeVfioDriver(const HostFacts& facts) {
  constexpr const char* kCheck = "vfio-pci";
  switch (facts.vfio_pci) {
    case Presence::kLoaded:
      return Good(kCheck, "loaded");
    case Presence::kAvailable:
      return Good(kCheck, "there; vassign bind loads it");
    case Presence::kBlacklisted:
      return Blocks(kCheck, base::Code::kUnfit, "blacklisted in the configuration of modprobe",
                    "grep -r vfio_pci /etc/modprobe.d, and remove the line");
    case Presence::kAbsent:
      break;
  }
  return Blocks(kCheck, base::Code::kUnsupported, "this kernel has no vfio-pci",
                "use a kernel with CONFIG_VFIO_PCI");
}

std::vector<Finding> JudgeHost(const HostFacts& facts) {
  std::vector<Finding> findings = {JudgeProcessor(facts),
                                   JudgeKvm(facts),
                                   JudgeNestedPaging(facts),
                                   JudgeIommu(facts),
                                   JudgeInterruptRemapping(facts),
                                   JudgeTranslation(facts),
                                   JudgeAcsOverride(facts),
                                   JudgeVfioDriver(facts),
                                   JudgeBackend(facts),
                                   JudgeLockdown(facts)};
  AddLogLines(facts, findings);
  return findings;
}

}  // namespace sysfs
