#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cli/functions/run.h"

namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class SriovSetCommand : public testing::Test {
 protected:
  test::SriovRun vassign_;
};

TEST_F(SriovSetCommand, WrongLinesChangeNothing) {
  const std::vector<std::pair<std::vector<const char*>, int>> lines = {
      {{"sriov", "set"}, 2},
      {{"sriov", "set", "03:00.0", "-1"}, 2},
      {{"sriov", "set", "03:00.0", "many"}, 2},
      {{"sriov", "set", "03:00.0", "8"}, 2},
      {{"sriov", "set", "03:00.0", "1", "--driver", "igb"}, 2},
      {{"sriov", "set", "04:00.0", "1"}, 3},
  };
  for (const auto& [words, status] : lines) EXPECT_EQ(vassign_(words), status) << words.back();
  EXPECT_EQ(vassign_.world().steps(), 0u);
}

TEST_F(SriovSetCommand, TellsTheEndState) {
  EXPECT_EQ(vassign_({"sriov", "set", "03:00.0", "2", "--driver", "vfio-pci"}), 0);
  EXPECT_THAT(vassign_.out(), AllOf(StartsWith("0000:03:00.0 igb eth3: 0 -> 2 virtual functions\n"),
                                    HasSubstr("0000:03:10.1  vfio-pci")));
  EXPECT_EQ(vassign_({"sriov", "set", "03:00.0", "2", "--driver", "vfio-pci"}), 0);
  EXPECT_THAT(vassign_.out(), HasSubstr("2 virtual functions: nothing to do"));
}

TEST_F(SriovSetCommand, DryRunPrintsTheStepsAndMakesNone) {
  EXPECT_EQ(vassign_({"sriov", "set", "08:00.0", "4", "--dry-run"}), 0);
  EXPECT_THAT(vassign_.out(),
              AllOf(HasSubstr("echo 0 > /sys/bus/pci/devices/0000:08:00.0/sriov_drivers_autoprobe"),
                    HasSubstr("nvme virt-mgmt /dev/nvme1 -c 0 -a 1 -r 0 -n 0"),
                    HasSubstr("echo 4 > /sys/bus/pci/devices/0000:08:00.0/sriov_numvfs"),
                    HasSubstr("# then give each its queues and interrupts")));
  EXPECT_EQ(vassign_.world().steps(), 0u);
  EXPECT_EQ(vassign_({"sriov", "set", "08:00.0", "0", "--dry-run"}), 0);
  EXPECT_THAT(vassign_.out(), HasSubstr("nothing to do"));
}

TEST_F(SriovSetCommand, FunctionInUseIsNamed) {
  ASSERT_EQ(vassign_({"sriov", "set", "03:00.0", "2", "--driver", "vfio-pci"}), 0);
  vassign_.world().tree().AddFile("/proc/77/comm", "vmm\n");
  vassign_.world().tree().AddLink("/proc/77/fd/9", "/dev/vfio/31");
  EXPECT_EQ(vassign_({"sriov", "set", "03:00.0", "3"}), 4);
  EXPECT_THAT(vassign_.err(), AllOf(HasSubstr("pid 77 (vmm)"), HasSubstr("0000:03:10.1")));
}

TEST_F(SriovSetCommand, JsonIsOneValue) {
  EXPECT_EQ(vassign_({"sriov", "set", "03:00.0", "1", "--json", "--dry-run"}), 0);
  const auto plan = nlohmann::json::parse(vassign_.out(), nullptr, false);
  ASSERT_TRUE(plan.is_object());
  EXPECT_EQ(plan["schema"], "vassign.sriov.steps/1");
  EXPECT_EQ(plan["steps"].size(), 2u);
  EXPECT_EQ(vassign_({"sriov", "set", "03:00.0", "1", "--json"}), 0);
  const auto result = nlohmann::json::parse(vassign_.out(), nullptr, false);
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["changed"], true);
  EXPECT_EQ(result["pf"]["vfs"][0]["driver"], "igbvf");
}

}  // namespace
}  // namespace cli
