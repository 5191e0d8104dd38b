#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cli/functions/run.h"

namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SriovShowCommand : public testing::Test {
 protected:
  test::SriovRun vassign_;
};

TEST_F(SriovShowCommand, ShowsAllPhysicalFunctions) {
  EXPECT_EQ(vassign_({"sriov", "show"}), 0);
  EXPECT_EQ(vassign_.out(),
            "0000:03:00.0 igb eth3: 0 of 7 virtual functions, autoprobe on\n\n"
            "0000:08:00.0 nvme nvme1: 0 of 4 virtual functions, autoprobe on, 8 flexible queues "
            "and 4 interrupts\n");
}

TEST_F(SriovShowCommand, OtherDevicesAreRefused) {
  vassign_.world().tree().AddDevice({.bdf = "0000:0a:00.0"});
  EXPECT_EQ(vassign_({"sriov", "show", "0a:00.0"}), 12);
  EXPECT_EQ(vassign_({"sriov", "show", "0b:00.0"}), 3);
}

TEST_F(SriovShowCommand, TableLeavesOutWhatIsNotThere) {
  ASSERT_EQ(vassign_({"sriov", "set", "08:00.0", "2"}), 0);
  EXPECT_EQ(vassign_({"sriov", "show", "08:00.0"}), 0);
  EXPECT_THAT(vassign_.out(), AllOf(HasSubstr("QUEUES"), HasSubstr("online"), Not(HasSubstr("MAC")),
                                    Not(HasSubstr("VLAN"))));
}

TEST_F(SriovShowCommand, JsonHasEveryFact) {
  ASSERT_EQ(vassign_({"sriov", "set", "03:00.0", "1"}), 0);
  EXPECT_EQ(vassign_({"sriov", "show", "03:00.0", "--json"}), 0);
  const auto json = nlohmann::json::parse(vassign_.out(), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["schema"], "vassign.sriov.show/1");
  const auto& pf = json["pfs"][0];
  EXPECT_EQ(pf["total"], 7);
  EXPECT_EQ(pf["interface"], "eth3");
  EXPECT_EQ(pf["nvme"], nullptr);
  EXPECT_EQ(pf["vfs"][0]["network"]["vlan"], 0);
  EXPECT_EQ(pf["vfs"][0]["network"]["spoof_check"], true);
}

TEST_F(SriovShowCommand, HostWithoutAnySaysSo) {
  vassign_.world().tree().Remove("/sys/bus/pci/devices/0000:03:00.0");
  vassign_.world().tree().Remove("/sys/bus/pci/devices/0000:08:00.0");
  EXPECT_EQ(vassign_({"sriov", "show"}), 0);
  EXPECT_THAT(vassign_.out(), HasSubstr("no device here"));
}

}  // namespace
}  // namespace cli
