// Virtual functions that a process has, and that are to go.
#include <gtest/gtest.h>

#include "sriov/change.h"
#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"
#include "tests/support/tree_proxy.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::kCard;
using test::SriovWorld;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// Two functions of the card on vfio-pci, and a machine that has one of them.
class HeldFunctions : public testing::Test {
 protected:
  HeldFunctions() {
    sysfs::AssignmentHost assignment = world_.Assignment();
    Host host = world_.Host(assignment);
    EXPECT_THAT(SetFunctions(host, {kCard, 2, Drivers::kVfio}), IsOk());
    world_.tree().AddFile("/proc/77/comm", "vmm\n");
    world_.tree().AddLink("/proc/77/fd/9", "/dev/vfio/31");
    world_.tree().ForgetWrites();
  }
  base::Result<std::optional<Outcome>> GiveBackBy(sysfs::Tree& tree, const sysfs::ForceSet& force) {
    sysfs::AssignmentHost assignment = world_.Assignment(tree);
    Host host = world_.Host(assignment);
    return Restore(host, kCard, nullptr, force);
  }
  unsigned Count() {
    return static_cast<unsigned>(
        *sysfs::ReadDecimal(world_.tree(), "/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs"));
  }

  SriovWorld world_;
  const sysfs::ForceSet assigned_ = {sysfs::ForceReason::kAssigned};
};

TEST_F(HeldFunctions, AreRefusedWithTheOption) {
  EXPECT_THAT(
      GiveBackBy(world_.tree(), {}),
      FailsWith(Code::kInUse, AllOf(HasSubstr("pid 77 (vmm)"), HasSubstr("--force=assigned"))));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(HeldFunctions, AreAskedBackBeforeTheyGo) {
  world_.tree().OnWrite([&](const std::string& path, const std::string&) {
    if (path.ends_with("/vfio-pci/unbind")) world_.tree().Remove("/proc/77");
  });
  EXPECT_THAT(GiveBackBy(world_.tree(), assigned_), IsOk());
  const auto& writes = world_.tree().writes();
  ASSERT_GE(writes.size(), 2u);
  EXPECT_EQ(writes[0].path, "/sys/bus/pci/drivers/vfio-pci/unbind");
  EXPECT_EQ(writes[0].value, "0000:03:10.1") << "the one that nobody has goes with the others";
  EXPECT_EQ(writes[1].path, "/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs");
  EXPECT_EQ(Count(), 0u);
  EXPECT_THAT(ListRecords(world_.journal()), IsEmpty());
  EXPECT_THAT(*world_.journal().List(), IsEmpty());
}

TEST_F(HeldFunctions, ThatAreNotLetGoAreTold) {
  test::TreeProxy stuck(world_.tree(), [&](const std::string& path, std::string_view value) {
    if (path.ends_with("/unbind")) return base::Status(base::Fail(Code::kTimedOut, "stuck"));
    return world_.tree().Write(path, value);
  });
  const auto result = GiveBackBy(stuck, assigned_);
  ASSERT_THAT(result, FailsWith(Code::kTimedOut, HasSubstr("pid 77 (vmm) has not let it go")));
  EXPECT_THAT(result.error().hint(), HasSubstr("vassign restore 0000:03:00.0"));
  EXPECT_EQ(Count(), 2u);
  world_.tree().Remove("/proc/77");
  EXPECT_THAT(GiveBackBy(world_.tree(), {}), IsOk());
  EXPECT_EQ(Count(), 0u);
}

TEST_F(HeldFunctions, AreInThePlan) {
  sysfs::AssignmentHost assignment = world_.Assignment();
  Host host = world_.Host(assignment);
  const auto plan = PlanRestore(host, kCard, assigned_);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(Format((*plan)->steps),
              testing::StartsWith("echo 0000:03:10.1 > /sys/bus/pci/drivers/vfio-pci/unbind"
                                  "  # take 0000:03:10.1 from vfio-pci, which asks pid 77 for it\n"
                                  "echo 0 > "));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

}  // namespace
}  // namespace sriov
