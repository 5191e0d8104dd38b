#include "cli/diagnosis/explain_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/assignment_world.h"

namespace cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class ExplainCommand : public testing::Test {
 protected:
  ExplainCommand() {
    world_.tree().AddFile("/proc/interrupts", "IR-IO-APIC");
    world_.tree().AddDirectory("/sys/module/vfio_pci");
    world_.tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/reset_method", "flr");
  }
  test::AssignmentWorld world_;
};

TEST_F(ExplainCommand, AFreeDevice) {
  EXPECT_EQ(world_.Run({"explain", "08:00.0"}), 0) << world_.out() << world_.err();
  EXPECT_THAT(world_.out(), HasSubstr("can be assigned: vassign bind 0000:08:00.0"));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(ExplainCommand, ABoundDeviceIsReady) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0) << world_.err();
  EXPECT_EQ(world_.Run({"explain", "08:00.0"}), 0) << world_.out();
  EXPECT_THAT(world_.out(), HasSubstr("ready: vmm run --assign 0000:08:00.0"));
}

TEST_F(ExplainCommand, TheStatusIsThatOfTheBindItSpeaksOf) {
  for (const char* device : {"08:00.0", "09:00.0", "09:00.1"}) {
    const int bind = world_.Run({"bind", device, "--dry-run"});
    EXPECT_EQ(world_.Run({"explain", device}), bind) << device << ": " << world_.out();
  }
}

TEST_F(ExplainCommand, Json) {
  EXPECT_EQ(world_.Run({"explain", "09:00.0", "--json"}), 5);
  const auto answer = nlohmann::json::parse(world_.out());
  EXPECT_EQ(answer.at("schema"), "vassign.explain/1");
  EXPECT_EQ(answer.at("bdf"), "0000:09:00.0");
  EXPECT_EQ(answer.at("verdict").at("ok"), false);
  EXPECT_EQ(answer.at("verdict").at("exit"), 5);
  ASSERT_GE(answer.at("findings").size(), 1U);
  EXPECT_EQ(answer.at("findings").at(0).at("grade"), "blocker");
  EXPECT_EQ(answer.at("findings").at(0).at("check"), "group");
}

TEST_F(ExplainCommand, BadInput) {
  EXPECT_EQ(world_.Run({"explain"}), 2);
  EXPECT_EQ(world_.Run({"explain", "zz:00.0"}), 2);
  EXPECT_EQ(world_.Run({"explain", "07:00.0"}), 3);
  EXPECT_EQ(world_.Run({"explain", "08:00.0", "--sysroot", "/nonexistent"}), 2);
}

}  // namespace
}  // namespace cli
