#include "cli/assignment/reset_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/assignment_world.h"

namespace cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class ResetCommand : public testing::Test {
 protected:
  ResetCommand() {
    const std::string path = "/sys/bus/pci/devices/0000:08:00.0";
    world_.tree().AddFile(path + "/reset_method", "flr pm");
    world_.tree().AddFile(path + "/reset", "");
    world_.tree().AddBytes(path + "/config", {std::byte{0x4d}, std::byte{0x14}});
    world_.tree().Answer([](const std::string& file, const std::string&) -> std::optional<int> {
      if (file.ends_with("/reset")) return 0;
      return std::nullopt;
    });
  }
  test::AssignmentWorld world_;
};

TEST_F(ResetCommand, TellsTheMethod) {
  EXPECT_EQ(world_.Run({"reset", "08:00.0"}), 0) << world_.err();
  EXPECT_EQ(world_.out(), "0000:08:00.0 reset (flr, else pm), and it answers\n");
  EXPECT_EQ(world_.Run({"reset", "08:00.0", "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(world_.out()).at("done"), true);
}

TEST_F(ResetCommand, DryRun) {
  EXPECT_EQ(world_.Run({"reset", "08:00.0", "--dry-run"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("echo 1 > /sys/bus/pci/devices/0000:08:00.0/reset"));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(ResetCommand, BadInput) {
  EXPECT_EQ(world_.Run({"reset"}), 2);
  EXPECT_EQ(world_.Run({"reset", "07:00.0"}), 3);
  EXPECT_EQ(world_.Run({"reset", "08:00.0", "--force"}), 2);
  EXPECT_EQ(world_.Run({"reset", "09:00.0"}), 12);
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

}  // namespace
}  // namespace cli
