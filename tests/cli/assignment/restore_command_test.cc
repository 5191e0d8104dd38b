#include "cli/assignment/restore_command.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sysfs/base/fd.h"
#include "tests/cli/functions/run.h"
#include "tests/support/assignment_world.h"

namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class RestoreCommand : public testing::Test {
 protected:
  test::AssignmentWorld world_;
};

TEST_F(RestoreCommand, WantsDevicesOrAll) {
  EXPECT_EQ(world_.Run({"restore"}), 2);
  EXPECT_EQ(world_.Run({"restore", "--all", "08:00.0"}), 2);
  EXPECT_EQ(world_.Run({"restore", "07:00.0"}), 3);
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(RestoreCommand, NothingTakenIsNothingToDo) {
  EXPECT_EQ(world_.Run({"restore", "--all"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("nothing to do"));
  EXPECT_EQ(world_.Run({"restore", "08:00.0"}), 0);
  EXPECT_EQ(world_.out(), "0000:08:00.0 nvme: nothing to do\n");
}

TEST_F(RestoreCommand, GivesBackWhatWasTaken) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0", "group:15"}), 0);
  EXPECT_EQ(world_.Run({"restore", "--all", "--dry-run"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("echo > /sys/bus/pci/devices/0000:08:00.0/driver_override"));
  EXPECT_EQ(world_.Run({"restore", "--all"}), 0);
  EXPECT_EQ(world_.out(),
            "0000:08:00.0 vfio-pci -> nvme\n0000:09:00.0 vfio-pci -> igb\n"
            "0000:09:00.1 vfio-pci -> igb\n");
}

TEST_F(RestoreCommand, HeldDeviceIsNamedAndTheOthersComeBack) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0", "group:15"}), 0);
  world_.tree().AddFile("/proc/77/comm", "vmm\n");
  world_.tree().AddLink("/proc/77/fd/9", "/dev/vfio/14");
  EXPECT_EQ(world_.Run({"restore", "08:00.0"}), 4);
  EXPECT_THAT(world_.err(), HasSubstr("pid 77 (vmm)"));
  EXPECT_EQ(world_.Run({"restore", "--all"}), 10);
  EXPECT_THAT(world_.err(), AllOf(HasSubstr("1 of 3 devices"), HasSubstr("pid 77 (vmm)")));
  EXPECT_THAT(world_.out(), HasSubstr("0000:09:00.1 vfio-pci -> igb"));
}

TEST_F(RestoreCommand, OnlyAHeldDeviceIsForced) {
  EXPECT_EQ(world_.Run({"restore", "08:00.0", "--force=mounted"}), 2);
  EXPECT_THAT(world_.err(), AllOf(HasSubstr("--force=mounted: nothing to override here"),
                                  HasSubstr("--force=assigned")));
  EXPECT_EQ(world_.Run({"restore", "08:00.0", "--force=assigned,mounted"}), 2);
  // The devices behind it are no reasons.
  EXPECT_EQ(world_.Run({"restore", "--force=assigned", "08:00.0", "09:00.0"}), 0);
  EXPECT_EQ(world_.Run({"bind", "--force=mounted", "08:00.0", "09:00.0", "--dry-run"}), 5);
  for (const auto& words : {std::vector<std::string>{"restore", "08:00.0", "--force"},
                            std::vector<std::string>{"restore", "--force", "08:00.0"}}) {
    EXPECT_EQ(world_.Run(words), 2);
    EXPECT_THAT(world_.err(), HasSubstr("--force=assigned gives a device back"));
  }
  EXPECT_EQ(world_.Run({"restore", "08:00.0", "--force=no-such-reason"}), 2);
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(RestoreCommand, HeldDeviceIsAskedForByForce) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  world_.tree().AddFile("/proc/77/comm", "vmm\n");
  world_.tree().AddLink("/proc/77/fd/9", "/dev/vfio/14");
  EXPECT_EQ(world_.Run({"restore", "08:00.0"}), 4);
  EXPECT_THAT(world_.err(), HasSubstr("--force=assigned"));
  EXPECT_EQ(world_.Run({"restore", "08:00.0", "--force=assigned", "--dry-run"}), 0);
  EXPECT_THAT(world_.err(), HasSubstr("in spite of: 0000:08:00.0 -> /dev/vfio/14 -> pid 77 (vmm)"));
  EXPECT_EQ(world_.Run({"restore", "08:00.0", "--force=assigned"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("vfio-pci -> nvme"));
}

TEST_F(RestoreCommand, DamagedRecordIsNamed) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  const std::string path = world_.journal().RecordPath({0, 8, 0, 0});
  ASSERT_TRUE(base::OpenFile(path, O_WRONLY | O_TRUNC));
  world_.tree().ForgetWrites();
  EXPECT_EQ(world_.Run({"restore", "08:00.0"}), 2);
  EXPECT_THAT(world_.err(), HasSubstr(path));
  EXPECT_EQ(world_.Run({"bind", "08:00.0"}), 2);
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(RestoreCommand, RecordOfAMissingDeviceIsDropped) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  world_.tree().Remove("/sys/bus/pci/devices/0000:08:00.0");
  EXPECT_EQ(world_.Run({"restore", "08:00.0"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("gone"));
  EXPECT_EQ(world_.Run({"restore", "08:00.0"}), 3);
}

// A function of a card that gives its functions back.
TEST_F(RestoreCommand, AllIsContentWithWhatAnotherRunHasGivenBackMeanwhile) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0", "group:15"}), 0);
  world_.tree().OnWrite([this](const std::string& path, const std::string&) {
    if (path.find("0000:08:00.0") == std::string::npos) return;
    ASSERT_TRUE(world_.journal().Remove({0, 9, 0, 0}));
    world_.tree().Remove("/sys/bus/pci/devices/0000:09:00.0");
  });
  EXPECT_EQ(world_.Run({"restore", "--all"}), 0);
  EXPECT_EQ(world_.out(), "0000:08:00.0 vfio-pci -> nvme\n0000:09:00.1 vfio-pci -> igb\n");
  EXPECT_EQ(world_.Run({"restore", "09:00.0"}), 3);
}

TEST_F(RestoreCommand, AllLeavesRecordsOfAnEarlierBootAlone) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  auto record = world_.journal().Find({0, 8, 0, 0}).value().value();
  record.boot_id = "boot-0";
  ASSERT_TRUE(world_.journal().Store(record));
  world_.tree().ForgetWrites();
  EXPECT_EQ(world_.Run({"restore", "--all"}), 0);
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST(RestoreFunctions, PhysicalFunctionGetsItsFunctionsBack) {
  test::SriovRun vassign;
  const std::string before = vassign.world().Digest();
  ASSERT_EQ(vassign({"sriov", "set", "03:00.0", "2", "--driver", "vfio-pci"}), 0);
  EXPECT_EQ(vassign({"restore", "03:00.0", "--dry-run"}), 0);
  EXPECT_THAT(vassign.out(), HasSubstr("echo 0 > /sys/bus/pci/devices/0000:03:00.0/sriov_numvfs"));
  EXPECT_EQ(vassign({"restore", "03:00.0"}), 0);
  EXPECT_EQ(vassign.out(), "0000:03:00.0 igb eth3: 2 -> 0 virtual functions\n");
  EXPECT_EQ(vassign.world().Digest(), before);
}

TEST(RestoreFunctions, AllGivesFunctionsBackBeforeTheyGo) {
  test::SriovRun vassign;
  const std::string before = vassign.world().Digest();
  ASSERT_EQ(vassign({"sriov", "set", "03:00.0", "2", "--driver", "vfio-pci"}), 0);
  ASSERT_EQ(vassign({"sriov", "set", "08:00.0", "4", "--driver", "vfio-pci"}), 0);
  EXPECT_EQ(vassign({"restore", "--all"}), 0);
  EXPECT_THAT(vassign.out(), HasSubstr("0000:08:00.0 nvme nvme1: 4 -> 0 virtual functions"));
  EXPECT_EQ(vassign.world().Digest(), before);
}

TEST(RestoreFunctions, PhysicalFunctionWithFunctionsIsNotBound) {
  test::SriovRun vassign;
  const std::string before = vassign.world().Digest();
  ASSERT_EQ(vassign({"sriov", "set", "03:00.0", "2", "--driver", "none"}), 0);
  ASSERT_EQ(vassign({"sriov", "set", "03:00.0", "3"}), 0);
  vassign.world().tree().Remove("/sys/bus/pci/devices/0000:03:00.0/net");
  EXPECT_EQ(vassign({"bind", "03:00.0"}), 4);  // functions are enabled on it
  vassign.world().tree().AddDirectory("/sys/bus/pci/devices/0000:03:00.0/net/eth3");
  EXPECT_EQ(vassign({"restore", "03:00.0"}), 0);
  EXPECT_EQ(vassign.world().Digest(), before);
}

TEST_F(RestoreCommand, JsonIsOneValue) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  EXPECT_EQ(world_.Run({"restore", "--all", "--json"}), 0);
  const auto result = nlohmann::json::parse(world_.out(), nullptr, false);
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["schema"], "vassign.restore/1");
  EXPECT_EQ(result["devices"][0]["driver"], "nvme");
}

}  // namespace
}  // namespace cli
