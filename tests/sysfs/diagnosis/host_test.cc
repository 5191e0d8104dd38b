#include "sysfs/diagnosis/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sysfs {
namespace {

using testing::HasSubstr;

// A host on which everything is as it should be.
HostFacts Fit() {
  HostFacts facts;
  facts.processor_flags = "fpu vmx ept";
  facts.kvm_node = true;
  facts.kvm_access = true;
  facts.nested_paging = true;
  facts.iommu = {true, "DMAR", "quiet"};
  facts.groups = 20;
  facts.interrupts = "  0:  9  IR-IO-APIC  2-edge timer\n";
  facts.lockdown = "none";
  facts.vfio_pci = Presence::kAvailable;
  facts.type1 = Presence::kAvailable;
  facts.iommufd_node = true;
  facts.log = "[0.0] Linux version 6.12\n";
  return facts;
}

Finding Check(const HostFacts& facts, const std::string& check) {
  const auto findings = JudgeHost(facts);
  const auto found = std::find_if(findings.begin(), findings.end(),
                                  [&](const Finding& one) { return one.check == check; });
  return found == findings.end() ? Finding{"missing", Grade::kBlocker, "", ""} : *found;
}

TEST(JudgeHost, AFitHostIsGoodThroughout) {
  for (const Finding& finding : JudgeHost(Fit())) {
    EXPECT_EQ(finding.grade, Grade::kGood) << finding.check << ": " << finding.text;
  }
}

// Whatever is wrong by itself stops or warns under its own name, and says what to do.
struct Case {
  const char* check;
  Grade grade;
  const char* cure;
  void (*spoil)(HostFacts&);
};

class Spoilt : public testing::TestWithParam<Case> {};

TEST_P(Spoilt, IsNamedWithItsCure) {
  HostFacts facts = Fit();
  GetParam().spoil(facts);
  const Finding finding = Check(facts, GetParam().check);
  EXPECT_EQ(finding.grade, GetParam().grade) << finding.text;
  EXPECT_THAT(finding.cure, HasSubstr(GetParam().cure));
}

INSTANTIATE_TEST_SUITE_P(
    JudgeHost, Spoilt,
    testing::Values(
        Case{"virtualization", Grade::kBlocker, "firmware",
             [](HostFacts& f) { f.processor_flags = "fpu", f.kvm_node = false; }},
        Case{"virtualization", Grade::kBlocker, "nested virtualization",
             [](HostFacts& f) { f.processor_flags = "fpu hypervisor", f.kvm_node = false; }},
        Case{"virtualization", Grade::kNote, "", [](HostFacts& f) { f.processor_flags = "fpu"; }},
        Case{"interrupt-remapping", Grade::kNote, "",
             [](HostFacts& f) { f.interrupts = "IO-APIC", f.groups = 0; }},
        Case{"virtualization", Grade::kUnknown, "", [](HostFacts& f) { f.processor_flags = ""; }},
        Case{"kvm", Grade::kBlocker, "modprobe kvm_intel",
             [](HostFacts& f) { f.kvm_node = false; }},
        Case{"kvm", Grade::kBlocker, "modprobe kvm_amd",
             [](HostFacts& f) { f.kvm_node = false, f.processor_flags = "svm"; }},
        Case{"kvm", Grade::kWarning, "usermod", [](HostFacts& f) { f.kvm_access = false; }},
        Case{"nested-paging", Grade::kWarning, "ept=1",
             [](HostFacts& f) { f.nested_paging = false; }},
        Case{"nested-paging", Grade::kUnknown, "modprobe",
             [](HostFacts& f) { f.nested_paging.reset(); }},
        Case{"iommu", Grade::kBlocker, "intel_iommu=on",
             [](HostFacts& f) { f.groups = 0, f.iommu.active = false; }},
        Case{"interrupt-remapping", Grade::kBlocker, "allow_unsafe_interrupts=1",
             [](HostFacts& f) { f.interrupts = " 0: 9 IO-APIC 2-edge"; }},
        Case{"interrupt-remapping", Grade::kBlocker, "no_x2apic_optout",
             [](HostFacts& f) {
               f.interrupts = " 0: 9 IO-APIC", f.log = "BIOS sets x2apic opt out bit";
             }},
        Case{"interrupt-remapping", Grade::kWarning, "firmware",
             [](HostFacts& f) { f.interrupts = " 0: 9 IO-APIC", f.unsafe_interrupts = true; }},
        Case{"interrupt-remapping", Grade::kUnknown, "", [](HostFacts& f) { f.interrupts = ""; }},
        Case{"dma-translation", Grade::kNote, "", [](HostFacts& f) { f.identity_groups = 3; }},
        Case{"acs-override", Grade::kWarning, "remove",
             [](HostFacts& f) {
               f.iommu.kernel_command = "pcie_acs_override=downstream", f.log.reset();
             }},
        Case{"acs-override", Grade::kNote, "remove",
             [](HostFacts& f) { f.iommu.kernel_command = "pcie_acs_override=downstream"; }},
        Case{"vfio-pci", Grade::kBlocker, "CONFIG_VFIO_PCI",
             [](HostFacts& f) { f.vfio_pci = Presence::kAbsent; }},
        Case{"vfio-pci", Grade::kBlocker, "modprobe.d",
             [](HostFacts& f) { f.vfio_pci = Presence::kBlacklisted; }},
        Case{"dma-backend", Grade::kBlocker, "modprobe iommufd",
             [](HostFacts& f) { f.iommufd_node = false, f.type1 = Presence::kAbsent; }},
        Case{"dma-backend", Grade::kGood, "", [](HostFacts& f) { f.iommufd_node = false; }},
        Case{"lockdown", Grade::kNote, "", [](HostFacts& f) { f.lockdown = "integrity"; }},
        Case{"kernel-log", Grade::kUnknown, "root", [](HostFacts& f) { f.log.reset(); }},
        Case{"iommu-fault", Grade::kWarning, "names the device", [](HostFacts& f) {
               f.log = "[1.0] DMAR: [DMA Write NO_PASID] Request device [08:00.0]";
             }}));

TEST(JudgeHost, ALogLineDoesNotRepeatWhatACheckFound) {
  HostFacts facts = Fit();
  facts.iommu.kernel_command = "pcie_acs_override=downstream";
  facts.log = "Linux version 6.12\nWarning: PCIe ACS overrides enabled; This may allow peer DMA\n";
  const auto findings = JudgeHost(facts);
  EXPECT_EQ(std::count_if(findings.begin(), findings.end(),
                          [](const Finding& one) { return one.check == "acs-override"; }),
            1);
}

}  // namespace
}  // namespace sysfs
