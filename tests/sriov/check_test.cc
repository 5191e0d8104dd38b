#include "sriov/check.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"
#include "tests/support/unreadable_tree.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using test::kCard;
using test::kSriovDrive;
using testing::AllOf;
using testing::HasSubstr;

class Check : public testing::Test {
 protected:
  Check() : assignment_(world_.Assignment()), host_(world_.Host(assignment_)) {}
  PhysicalFunction Read(const sysfs::PciAddress& address) {
    const auto nvme = host_.open_nvme("/dev/nvme1");
    return *ReadFunctions(world_.tree(), address, {&world_, nvme->get()});
  }
  base::Status Run(const sysfs::PciAddress& address, const Goal& goal) {
    return CheckGoal(host_, Read(address), goal);
  }
  void Enable(const std::string& bdf, const std::string& count) {
    ASSERT_THAT(world_.tree().Write("/sys/bus/pci/devices/" + bdf + "/sriov_numvfs", count),
                IsOk());
  }
  // A process has the virtual function of this group through VFIO.
  void Hold(const std::string& group) {
    world_.tree().AddFile("/proc/77/comm", "vmm\n");
    world_.tree().AddLink("/proc/77/fd/9", "/dev/vfio/" + group);
  }
  void Give(const std::string& bdf) {
    const std::string path = "/sys/bus/pci/devices/" + bdf + "/driver_override";
    ASSERT_THAT(world_.tree().Write("/sys/bus/pci/drivers/igbvf/unbind", bdf), IsOk());
    ASSERT_THAT(world_.tree().Write(path, "vfio-pci"), IsOk());
    ASSERT_THAT(world_.tree().Write("/sys/bus/pci/drivers/vfio-pci/bind", bdf), IsOk());
  }
  test::SriovWorld world_;
  sysfs::AssignmentHost assignment_;
  Host host_;
};

TEST_F(Check, MoreThanThereCanBeIsUsage) {
  EXPECT_THAT(Run(kCard, {8}), FailsWith(Code::kUsage, HasSubstr("(7)")));
  EXPECT_THAT(Run(kCard, {7}), IsOk());
}

TEST_F(Check, PhysicalFunctionNeedsADriver) {
  ASSERT_THAT(world_.tree().Write("/sys/bus/pci/drivers/igb/unbind", "0000:03:00.0"), IsOk());
  EXPECT_THAT(Run(kCard, {2}), FailsWith(Code::kUnsupported, HasSubstr("has no driver")));
  EXPECT_THAT(Run(kCard, {0}), IsOk());
}

TEST_F(Check, FunctionInUseForbidsAnotherNumber) {
  Enable("0000:03:00.0", "2");
  Give("0000:03:10.1");
  Hold("31");
  EXPECT_THAT(Run(kCard, {4}),
              FailsWith(Code::kInUse, AllOf(HasSubstr("pid 77 (vmm)"), HasSubstr("0000:03:10.1"),
                                            HasSubstr("from 2 to 4"))));
  EXPECT_THAT(Run(kCard, {0}), FailsWith(Code::kInUse));
  EXPECT_THAT(Run(kCard, {2}), FailsWith(Code::kInUse));  // it would lose vfio-pci
  EXPECT_THAT(Run(kCard, {2, Drivers::kVfio, {}, {}}), IsOk());
}

TEST_F(Check, RoomIsLookedAtBeforeTheWrite) {
  std::string text;
  for (int i = 0; i < 7; ++i) text += "0x0 0x0 0x0\n";
  world_.tree().AddFile("/sys/bus/pci/devices/0000:03:00.0/resource",
                        text + "0x0000000000000000 0x0000000000003fff 0x0000000020140204\n");
  EXPECT_THAT(Run(kCard, {2}), FailsWith(Code::kUnfit));
}

TEST_F(Check, DriveThatIsUsedIsNotReset) {
  EXPECT_THAT(Run(kSriovDrive, {4}), IsOk());
  world_.tree().AddFile("/etc/driverctl.d/pci-0000:08:00.0", "x");
  EXPECT_THAT(Run(kSriovDrive, {4}), FailsWith(Code::kInUse, HasSubstr("resets the drive")));
  world_.drive().primary.queues.primary = world_.drive().primary.interrupts.primary = 0;
  EXPECT_THAT(Run(kSriovDrive, {4}), IsOk());
}

// A restore without functions before or after it still gives the drive its share back.
TEST_F(Check, DriveThatIsUsedGetsNoShareBack) {
  world_.drive().primary.queues.primary = world_.drive().primary.interrupts.primary = 0;
  Record record;
  record.primary = NvmePrimaryShare{2, 2};
  const Goal goal = {0, Drivers::kRecorded, {}, record};
  EXPECT_THAT(Run(kSriovDrive, goal), IsOk());
  world_.tree().AddFile("/etc/driverctl.d/pci-0000:08:00.0", "x");
  EXPECT_THAT(Run(kSriovDrive, goal), FailsWith(Code::kInUse, HasSubstr("resets the drive")));
}

TEST_F(Check, DriveWithTooLittleIsUnfit) {
  world_.drive().primary.queues.total = 6;
  EXPECT_THAT(Run(kSriovDrive, {4}), FailsWith(Code::kUnfit, HasSubstr("0000:08:00.0")));
}

TEST_F(Check, ReachedIsWhenNothingIsToBeWritten) {
  EXPECT_THAT(IsReached(host_, Read(kCard), {0}), IsOkAnd(true));
  EXPECT_THAT(IsReached(host_, Read(kCard), {2}), IsOkAnd(false));
  Enable("0000:03:00.0", "2");
  EXPECT_THAT(IsReached(host_, Read(kCard), {2, Drivers::kKernel, true, {}}), IsOkAnd(true));
  EXPECT_THAT(IsReached(host_, Read(kCard), {2, Drivers::kVfio, true, {}}), IsOkAnd(false));
  EXPECT_THAT(IsReached(host_, Read(kCard), {2, Drivers::kNone, false, {}}), IsOkAnd(false));
}

TEST_F(Check, AnAddressIsNotMadeFromAnIdThatCannotBeRead) {
  EXPECT_THAT(MachineId(world_.tree()), IsOk());
  world_.tree().AddFile("/sys/class/dmi/id/product_uuid", "an-image-for-many\n");
  EXPECT_EQ(*MachineId(world_.tree()), "0123456789abcdef0123456789abcdef");
  world_.tree().AddFile("/etc/machine-id", "");
  EXPECT_EQ(*MachineId(world_.tree()), "an-image-for-many");
  const test::UnreadableTree tree(world_.tree(), {"/etc/machine-id"}, EIO);
  EXPECT_THAT(MachineId(tree), FailsWith(Code::kKernel, HasSubstr("machine-id")));
}

}  // namespace
}  // namespace sriov
