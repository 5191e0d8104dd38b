#include "cli/assignment/status_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/declared/transaction.h"
#include "tests/support/assignment_world.h"

namespace cli {
namespace {

using testing::HasSubstr;

TEST(StatusCommand, NothingTaken) {
  test::AssignmentWorld world;
  EXPECT_EQ(world.Run({"status"}), 0);
  EXPECT_THAT(world.out(), HasSubstr("vassign has taken no device"));
  EXPECT_EQ(world.Run({"status", "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(world.out()).at("schema"), "vassign.status/1");
}

TEST(StatusCommand, ATakenDeviceWithWhatItWas) {
  test::AssignmentWorld world;
  ASSERT_EQ(world.Run({"bind", "08:00.0"}), 0);
  EXPECT_EQ(world.Run({"status"}), 0);
  EXPECT_THAT(world.out(), HasSubstr("0000:08:00.0  applied  nvme  vfio-pci"));
  EXPECT_EQ(world.Run({"status", "--json"}), 0);
  const auto answer = nlohmann::json::parse(world.out());
  ASSERT_EQ(answer.at("devices").size(), 1U);
  EXPECT_EQ(answer.at("devices").at(0).at("driver_before"), "nvme");
  EXPECT_EQ(answer.at("devices").at(0).at("state"), "applied");
}

TEST(StatusCommand, AGoneDeviceAndADamagedRecord) {
  test::AssignmentWorld world;
  ASSERT_EQ(world.Run({"bind", "08:00.0"}), 0);
  world.tree().Remove("/sys/bus/pci/devices/0000:08:00.0");
  EXPECT_EQ(world.Run({"status"}), 0);
  EXPECT_THAT(world.out(), HasSubstr("gone"));
  std::ofstream(world.journal().RecordPath({0, 8, 0, 0})) << "rubbish";
  EXPECT_EQ(world.Run({"status"}), 0);
  EXPECT_THAT(world.out(), HasSubstr("unreadable"));
}

TEST(StatusCommand, AnApplyThatIsNotKept) {
  test::AssignmentWorld world;
  Transaction apply = {"boot-1", 77, Phase::kWaiting, 60, MillisecondsSinceBoot() + 60000, {},
                       {},       {}};
  ASSERT_TRUE(StoreTransaction(world.journal(), apply));
  EXPECT_EQ(world.Run({"status"}), 0);
  EXPECT_THAT(world.out(), HasSubstr("an apply waits: undone in 60 s unless vassign confirm runs"));
  apply.phase = Phase::kApplying;
  ASSERT_TRUE(StoreTransaction(world.journal(), apply));
  EXPECT_EQ(world.Run({"status"}), 0);
  EXPECT_THAT(world.out(), HasSubstr("an apply (pid 77) is under way, or was killed"));
  EXPECT_EQ(world.Run({"status", "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(world.out()).at("apply").at("waits"), false);
}

TEST(StatusCommand, BadInput) {
  test::AssignmentWorld world;
  EXPECT_EQ(world.Run({"status", "08:00.0"}), 2);
}

}  // namespace
}  // namespace cli
