#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sysfs/diagnosis/host.h"
#include "sysfs/diagnosis/kernel_log.h"
#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

class ReadFacts : public testing::Test {
 protected:
  HostFacts Read() { return ReadHostFacts(tree_, RecordedSources(tree_)); }
  test::FakeTree tree_;
};

TEST_F(ReadFacts, AnEmptyTreeGivesNoFacts) {
  const HostFacts facts = Read();
  EXPECT_EQ(facts.processor_flags, "");
  EXPECT_FALSE(facts.kvm_node);
  EXPECT_FALSE(facts.kvm_access.has_value());
  EXPECT_FALSE(facts.nested_paging.has_value());
  EXPECT_EQ(facts.groups, 0U);
  EXPECT_EQ(facts.vfio_pci, Presence::kAbsent);
  EXPECT_FALSE(facts.log.has_value());
}

TEST_F(ReadFacts, ProcessorAndKvm) {
  tree_.AddFile("/proc/cpuinfo",
                "processor\t: 0\nflags\t\t: fpu svm npt\n\nprocessor : 1\nflags : x");
  tree_.AddFile("/dev/kvm", "");
  tree_.AddFile("/sys/module/kvm_amd/parameters/npt", "Y");
  const HostFacts facts = Read();
  EXPECT_EQ(facts.processor_flags, "fpu svm npt");
  EXPECT_TRUE(facts.kvm_node);
  EXPECT_EQ(facts.nested_paging, true);
}

TEST_F(ReadFacts, NestedPagingOff) {
  tree_.AddFile("/sys/module/kvm_intel/parameters/ept", "N");
  EXPECT_EQ(Read().nested_paging, false);
}

TEST_F(ReadFacts, LockdownIsTheWordInBrackets) {
  tree_.AddFile("/sys/kernel/security/lockdown", "none [integrity] confidentiality");
  EXPECT_EQ(Read().lockdown, "integrity");
  tree_.AddFile("/sys/kernel/security/lockdown", "]odd[");
  EXPECT_EQ(Read().lockdown, "");
}

TEST_F(ReadFacts, GroupsAndThoseThatPassUntranslated) {
  tree_.AddGroup(3, "identity");
  tree_.AddGroup(4, "DMA-FQ");
  const HostFacts facts = Read();
  EXPECT_EQ(facts.groups, 2U);
  EXPECT_EQ(facts.identity_groups, 1U);
}

TEST_F(ReadFacts, AModuleIsFoundByEitherSpelling) {
  tree_.AddFile("/proc/sys/kernel/osrelease", "6.12.0");
  tree_.AddFile("/lib/modules/6.12.0/modules.dep",
                "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz\n");
  EXPECT_EQ(Read().vfio_pci, Presence::kAvailable);
  tree_.AddFile("/etc/modprobe.d/a.conf", "# blacklist vfio_iommu_type1\nblacklist vfio-pci\n");
  EXPECT_EQ(Read().vfio_pci, Presence::kBlacklisted);
  tree_.AddDirectory("/sys/module/vfio_pci");
  EXPECT_EQ(Read().vfio_pci, Presence::kLoaded);
}

TEST_F(ReadFacts, ABuiltInModuleIsThere) {
  tree_.AddFile("/proc/sys/kernel/osrelease", "6.12.0");
  tree_.AddFile("/lib/modules/6.12.0/modules.builtin", "kernel/drivers/vfio/vfio_iommu_type1.ko\n");
  EXPECT_EQ(Read().type1, Presence::kAvailable);
}

TEST_F(ReadFacts, UnsafeInterruptsOfAModuleThatIsNotLoadedYet) {
  EXPECT_FALSE(Read().unsafe_interrupts);
  tree_.AddFile("/proc/cmdline", "quiet vfio-iommu-type1.allow_unsafe_interrupts=1 ro\n");
  EXPECT_TRUE(Read().unsafe_interrupts);
  tree_.AddFile("/proc/cmdline", "vfio_iommu_type1.allow_unsafe_interrupts=0\n");
  EXPECT_FALSE(Read().unsafe_interrupts);
  const std::string file = "/etc/modprobe.d/vfio.conf";
  tree_.AddFile(file, "options vfio_iommu_type1 dma_entry_limit=9 allow_unsafe_interrupts=Y\n");
  EXPECT_TRUE(Read().unsafe_interrupts);
  tree_.AddFile(file, "options iommufd allow_unsafe_interrupts\n");
  EXPECT_TRUE(Read().unsafe_interrupts);
  for (const char* other : {"options kvm allow_unsafe_interrupts=1\n",
                            "#options iommufd allow_unsafe_interrupts=1\n", "options iommufd\n"}) {
    tree_.AddFile(file, other);
    EXPECT_FALSE(Read().unsafe_interrupts) << other;
  }
  // Once it is loaded its own word counts.
  tree_.AddFile(file, "options iommufd allow_unsafe_interrupts=1\n");
  tree_.AddFile("/sys/module/iommufd/parameters/allow_unsafe_interrupts", "N\n");
  EXPECT_FALSE(Read().unsafe_interrupts);
}

TEST_F(ReadFacts, TheLogOfARecordedHost) {
  tree_.AddFile(kRecordedLog, "Linux version 6.12");
  EXPECT_EQ(Read().log, "Linux version 6.12");
}

TEST_F(ReadFacts, AccessIsAskedOfTheRunningHost) {
  tree_.AddFile("/dev/kvm", "");
  DiagnosisSources sources;
  sources.may_open = [](const std::string& path) { return path != "/dev/kvm"; };
  EXPECT_EQ(ReadHostFacts(tree_, sources).kvm_access, false);
}

}  // namespace
}  // namespace sysfs
