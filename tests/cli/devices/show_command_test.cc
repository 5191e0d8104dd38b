#include "cli/devices/show_command.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sysfs/base/text.h"
#include "tests/cli/vassign_run.h"

namespace cli {
namespace {

using test::ExpectGolden;
using test::VassignRun;
using testing::HasSubstr;

TEST(Show, WrongDevicesFail) {
  VassignRun vassign;
  EXPECT_EQ(vassign({"show"}).status, 2);
  EXPECT_EQ(vassign({"show", "08:00"}).status, 2);
  EXPECT_EQ(vassign({"show", "08:00.0", "09:00.0"}).status, 2);
  EXPECT_EQ(vassign({"show", "77:00.0"}).status, 3);
  EXPECT_EQ(vassign({"show", "8086:10ca"}).status, 3);
}

TEST(Show, ErrorsInJsonMode) {
  VassignRun vassign;
  const auto outcome = vassign({"show", "--json", "77:00.0"});
  const auto error = nlohmann::json::parse(outcome.out)["error"];
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(error["code"], "not-found");
  EXPECT_EQ(error["exit"], 3);
  EXPECT_THAT(error["hint"], HasSubstr("nearest"));
}

struct Page {
  const char* device;
  const char* golden;
};
class ShowPage : public testing::TestWithParam<Page> {};

TEST_P(ShowPage, IsPleasantInEightyColumns) {
  VassignRun vassign;
  const auto outcome = vassign({"show", GetParam().device});
  EXPECT_EQ(outcome.status, 0);
  ExpectGolden(GetParam().golden, outcome.out);
  for (const auto line : base::Split(outcome.out, '\n')) {
    EXPECT_LE(line.size(), 80u) << line;
    EXPECT_FALSE(line.ends_with(' ')) << "'" << line << "'";
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, ShowPage,
                         testing::Values(Page{"08:00.0", "show_drive.txt"},
                                         Page{"03:10.2", "show_vf.txt"},
                                         Page{"eth1", "show_pf.txt"},
                                         Page{"0a:02.0", "show_shared_group.txt"},
                                         Page{"00:10.0", "show_assigned.txt"},
                                         Page{"10000:01:00.0", "show_no_iommu.txt"}));

TEST(Show, JsonFollowsTheSchema) {
  VassignRun vassign;
  ExpectGolden("show_drive.json", vassign({"show", "--json", "08:00.0"}).out);
  ExpectGolden("show_vf.json", vassign({"show", "--json", "03:10.2"}).out);
}

TEST(Show, UseIsShownWhenItIsKnown) {
  VassignRun vassign;
  vassign.context().use_marks = [](const sysfs::PciDevice&) {
    sysfs::Evidence mount = {
        sysfs::UseKind::kMount, {"0000:09:00.0", "sda", "mounted on /srv"}, "", std::nullopt, ""};
    sysfs::Evidence note = {
        sysfs::UseKind::kUsb, {"0000:09:00.0", "USB devices: 1-2"}, "", std::nullopt, ""};
    note.refuses = false;
    return std::vector<sysfs::Evidence>{mount, note};
  };
  EXPECT_THAT(vassign({"show", "09:00.0"}).out,
              HasSubstr("  In use        sda -> mounted on /srv\n"
                        "                USB devices: 1-2 (does not refuse)\n"));
}

}  // namespace
}  // namespace cli
