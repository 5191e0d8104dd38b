#include <gtest/gtest.h>

#include "sysfs/evidence/evidence.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class VfioHolders : public testing::Test {
 protected:
  VfioHolders() {
    tree_.AddDriver("vfio-pci", true);
    tree_.UseVfioCdevs();
    tree_.AddDevice({.driver = "vfio-pci", .group = 14});
    device_ = ReadDevice(tree_, {0, 8, 0, 0}).value();
  }

  void AddProcess(const std::string& pid, const std::string& command, const std::string& opened) {
    tree_.AddFile("/proc/" + pid + "/comm", command + "\n");
    tree_.AddLink("/proc/" + pid + "/fd/3", "socket:[77]");
    tree_.AddLink("/proc/" + pid + "/fd/5", opened);
  }

  std::vector<Evidence> Find() const { return FindVfioHolders(tree_, device_, sources_); }

  test::FakeTree tree_;
  PciDevice device_;
  EvidenceSources sources_;
};

TEST_F(VfioHolders, OthersDevicesAreNotOurs) {
  AddProcess("100", "qemu", "/dev/vfio/15");
  AddProcess("101", "qemu", "/dev/vfio/vfio");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(VfioHolders, NamesPidAndCommandOfAGroupsOwner) {
  AddProcess("100", "vmm", "/dev/vfio/14");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Field(&Evidence::detail, HasSubstr("pid 100 (vmm)")),
                                        Field(&Evidence::reason, ForceReason::kAssigned))));
}

TEST_F(VfioHolders, NamesTheOwnerOfACdev) {
  AddProcess("100", "vmm", "/dev/vfio/devices/vfio0");
  EXPECT_THAT(Find(), SizeIs(1));
}

TEST_F(VfioHolders, GoesByNumberWhereItIsKnown) {
  AddProcess("100", "jailed", "/node");
  sources_.device_number = [](const std::string& path) -> std::optional<uint64_t> {
    if (path == "/dev/vfio/14" || path == "/proc/100/fd/5") return 0xf10e;
    return std::nullopt;
  };
  EXPECT_THAT(Find(), ElementsAre(Field(&Evidence::detail, HasSubstr("jailed"))));
}

TEST_F(VfioHolders, WeOurselvesDoNotCount) {
  AddProcess("100", "vassign", "/dev/vfio/14");
  sources_.pid = 100;
  EXPECT_THAT(Find(), IsEmpty());
}

}  // namespace
}  // namespace sysfs
