#include "sysfs/evidence/evidence.h"
#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::IsEmpty;

class VfioHolders : public testing::Test {
 protected:
  VfioHolders() {
    tree_.AddDriver("vfio-pci", true);
    tree_.UseVfioCdevs();
    tree_.AddDevice({.driver = "vfio-pci", .group = 14});
    device_ = ReadDevice(tree_, kAddress).value();
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
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Detail("pid 100 (vmm)"), Reason(ForceReason::kAssigned),
                                Path({"/dev/vfio/14", "pid 100 (vmm)"}), Cure("pid 100 first"))));
}

TEST_F(VfioHolders, NamesTheOwnerOfACdev) {
  AddProcess("100", "vmm", "/dev/vfio/devices/vfio0");
  EXPECT_THAT(Find(), ElementsAre(Path({"/dev/vfio/devices/vfio0", "pid 100 (vmm)"})));
}

TEST_F(VfioHolders, GoesByNumberWhereItIsKnown) {
  AddProcess("100", "jailed", "/node");
  sources_.device_number = [](const std::string& path) -> std::optional<uint64_t> {
    if (path == "/dev/vfio/14" || path == "/proc/100/fd/5") return 0xf10e;
    return std::nullopt;
  };
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Detail("/node"), Path({"/dev/vfio/14", "pid 100 (jailed)"}))));
}

TEST_F(VfioHolders, WeOurselvesDoNotCount) {
  AddProcess("100", "vassign", "/dev/vfio/14");
  sources_.pid = 100;
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(VfioHolders, NodeThatIsNotThereIsHeldByNobody) {
  AddProcess("100", "old", "/dev/vfio/14");
  tree_.Remove("/dev/vfio/14");
  EXPECT_THAT(Find(), IsEmpty());
}

}  // namespace
}  // namespace sysfs
