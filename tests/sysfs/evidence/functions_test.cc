#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::IsEmpty;

class FunctionUse : public testing::Test {
 protected:
  FunctionUse() {
    tree_.AddDriver("nvme");
    tree_.AddDriver("vfio-pci", true);
  }
  std::vector<Evidence> Find() const { return RunFinder(FindFunctionUse, tree_); }

  test::FakeTree tree_;
};

TEST_F(FunctionUse, CapableCardWithoutFunctionsIsFree) {
  tree_.AddDevice({.driver = "nvme", .totalvfs = 4});
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(FunctionUse, VirtualFunctionsCannotBeOverridden) {
  tree_.AddDevice({.driver = "nvme", .totalvfs = 4});
  tree_.AddDevice({.bdf = "0000:08:00.1", .physfn = kBdf});
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kFunctions), Reason(std::nullopt),
                                        Path({"1 virtual function"}),
                                        Cure("vassign sriov set 0000:08:00.0 0"))));
}

TEST_F(FunctionUse, WhoHasAFunctionIsNamed) {
  tree_.AddDevice({.driver = "nvme", .totalvfs = 4});
  tree_.AddDevice({.bdf = "0000:08:00.1", .driver = "vfio-pci", .group = 15, .physfn = kBdf});
  tree_.AddFile("/proc/90/comm", "qemu\n");
  tree_.AddLink("/proc/90/fd/7", "/dev/vfio/15");
  EXPECT_THAT(Find(), ElementsAre(Kind(UseKind::kFunctions),
                                  AllOf(Kind(UseKind::kVfio), Reason(ForceReason::kAssigned),
                                        Path({"0000:08:00.1", "/dev/vfio/15", "pid 90 (qemu)"}))));
}

TEST_F(FunctionUse, MediatedDevice) {
  tree_.AddDevice({});
  const std::string type = std::string(kPlace) + "/mdev_supported_types/i915-GVTg_V5_4";
  tree_.AddLink(std::string("/sys/class/mdev_bus/") + kBdf, kPlace);
  tree_.AddDirectory(type + "/devices");
  EXPECT_THAT(Find(), IsEmpty());
  tree_.AddDirectory(type + "/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kMediated), Reason(std::nullopt),
                                        Cure("mdev/devices/83b8f4f2"))));
}

TEST_F(FunctionUse, VgpuOfAVirtualFunction) {
  tree_.AddDevice({.vendor = 0x10de});
  for (const char* none : {"0\n", "", "x\n"}) {
    tree_.AddFile(std::string(kPlace) + "/nvidia/current_vgpu_type", none);
    EXPECT_THAT(Find(), IsEmpty()) << none;
  }
  tree_.AddFile(std::string(kPlace) + "/nvidia/current_vgpu_type", "558\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Path({"vGPU type 558"}), Reason(std::nullopt))));
}

}  // namespace
}  // namespace sysfs
