#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cli/functions/run.h"

namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SriovVfCommand : public testing::Test {
 protected:
  SriovVfCommand() {
    EXPECT_EQ(vassign_({"sriov", "set", "03:00.0", "2"}), 0);
    vassign_.world().ForgetSteps();
  }
  test::SriovRun vassign_;
};

TEST_F(SriovVfCommand, WrongLinesChangeNothing) {
  const std::vector<std::pair<std::vector<const char*>, int>> lines = {
      {{"sriov", "vf"}, 2},
      {{"sriov", "vf", "03:00.0#0"}, 2},
      {{"sriov", "vf", "03:00.0", "--trust", "on"}, 2},
      {{"sriov", "vf", "03:00.0#x", "--trust", "on"}, 2},
      {{"sriov", "vf", "03:00.0#0-1", "--trust", "on"}, 2},
      {{"sriov", "vf", "03:00.0#0", "--trust", "yes"}, 2},
      {{"sriov", "vf", "03:00.0#0", "--mac", "01:00:5e:00:00:01"}, 2},
      {{"sriov", "vf", "03:00.0#0", "--vlan", "4095"}, 2},
      {{"sriov", "vf", "03:00.0#0", "--qos", "3"}, 2},
      {{"sriov", "vf", "03:00.0#0", "--vlan", "3", "--qos", "8"}, 2},
      {{"sriov", "vf", "03:00.0#0", "--link", "up"}, 2},
      {{"sriov", "vf", "03:00.0#0", "--max-rate", "fast"}, 2},
      {{"sriov", "vf", "03:00.0#0", "--min-rate", "9", "--max-rate", "3"}, 2},
      {{"sriov", "vf", "03:00.0#2", "--trust", "on"}, 3},
      {{"sriov", "vf", "04:00.0#0", "--trust", "on"}, 3},
      {{"sriov", "vf", "03:00.0#0", "--msix-count", "4"}, 12},
  };
  for (const auto& [words, status] : lines) EXPECT_EQ(vassign_(words), status) << words.back();
  EXPECT_EQ(vassign_.world().steps(), 0u);
}

TEST_F(SriovVfCommand, SetsAndTells) {
  EXPECT_EQ(vassign_({"sriov", "vf", "03:00.0#1", "--mac", "02:00:5e:00:53:01", "--vlan", "7",
                      "--qos", "3", "--trust", "on", "--spoof-check", "off", "--max-rate", "100",
                      "--link", "enable"}),
            0);
  EXPECT_THAT(vassign_.out(), AllOf(HasSubstr("02:00:5e:00:53:01"), HasSubstr("7:3"),
                                    HasSubstr("0-100"), HasSubstr("enable")));
  EXPECT_THAT(vassign_.out(), testing::Not(HasSubstr("0000:03:10.0")));
  EXPECT_EQ(vassign_({"sriov", "vf", "vf:03:00.0#1", "--vlan", "7", "--qos", "3"}), 0);
  EXPECT_THAT(vassign_.out(), HasSubstr("nothing to do"));
}

TEST_F(SriovVfCommand, DryRunPrintsWhatIpTakes) {
  EXPECT_EQ(vassign_({"sriov", "vf", "03:00.0#1", "--trust", "on", "--dry-run"}), 0);
  EXPECT_EQ(vassign_.out(), "ip link set eth3 vf 1 trust on  # as asked for\n");
  EXPECT_EQ(vassign_.world().steps(), 0u);
}

TEST_F(SriovVfCommand, JsonIsOneValue) {
  EXPECT_EQ(vassign_({"sriov", "vf", "03:00.0#1", "--trust", "on", "--json"}), 0);
  const auto result = nlohmann::json::parse(vassign_.out(), nullptr, false);
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["pf"]["vfs"].size(), 1u);
  EXPECT_EQ(result["pf"]["vfs"][0]["network"]["trust"], true);
}

}  // namespace
}  // namespace cli
