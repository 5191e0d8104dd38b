#include "cli/devices/list_command.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/table.h"
#include "tests/cli/vassign_run.h"
#include "tests/support/stuck_tree.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using test::ExpectGolden;
using test::VassignRun;
using testing::HasSubstr;

TEST(List, WrongColumnsAndFiltersAreUsageErrors) {
  VassignRun vassign;
  EXPECT_EQ(vassign({"list", "-o", "bdf,foo"}).status, 2);
  EXPECT_EQ(vassign({"list", "-o", ","}).status, 2);
  EXPECT_EQ(vassign({"list", "--class", "nett"}).status, 2);
  EXPECT_EQ(vassign({"list", "--group", "x"}).status, 2);
  EXPECT_EQ(vassign({"list", "08:00"}).status, 2);
  EXPECT_EQ(vassign({"list", "77:00.0"}).status, 3);
  EXPECT_EQ(vassign({"list", "--sysroot", "/nonexistent"}).status, 2);
}

TEST(List, DefaultColumns) {
  VassignRun vassign;
  const auto outcome = vassign({"list"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "");
  ExpectGolden("list.txt", outcome.out);
}

TEST(List, UseIsShownOnlyWhenItIsKnown) {
  VassignRun vassign;
  vassign.context().use_marks = test::UsedOnBus(9);
  ExpectGolden("list_in_use.txt", vassign({"list", "--class", "storage"}).out);
}

TEST(List, FitsANarrowTerminalInColour) {
  VassignRun vassign;
  vassign.context().width = 80;
  vassign.context().colour = true;
  ExpectGolden("list_80_columns.txt", vassign({"list", "08:00.0", "group:16"}).out);
}

TEST(List, ChosenColumnsWithoutTitles) {
  VassignRun vassign;
  EXPECT_EQ(vassign({"list", "--no-headers", "-o", "bdf,ids,vfs,pf,numa,override", "--vf",
                     "--driver", "none"})
                .out,
            "0000:03:10.2  8086:10ca  -  0000:03:00.0  0  -\n");
  EXPECT_EQ(vassign({"list", "--no-headers", "-o", "bdf,vfs,code", "--pf"}).out,
            "0000:03:00.0  2/7  020000\n"
            "0000:08:00.0  0/4  010802\n");
}

TEST(List, ColumnsOfOneDeviceAreWhatShowTells) {
  auto tree = test::LoadHost("host.txt");
  const std::string drive = "/sys/bus/pci/devices/0000:08:00.0/";
  tree->AddFile(drive + "reset_method", "flr bus\n");
  tree->AddFile(drive + "power_state", "D0\n");
  tree->AddFile(drive + "current_link_speed", "8.0 GT/s PCIe\n");
  tree->AddFile(drive + "current_link_width", "4\n");
  tree->AddFile(drive + "max_link_speed", "8.0 GT/s PCIe\n");
  tree->AddFile(drive + "max_link_width", "4\n");
  test::FakeTree& host = *tree;
  VassignRun vassign(std::move(tree));
  vassign.context().use_marks = test::UsedOnBus(9);
  const char* const columns = "reset,power,link,isolation,verdict";
  const auto list = [&](const char* device) {
    return vassign({"list", "--no-headers", "-o", columns, device}).out;
  };
  EXPECT_EQ(list("08:00.0"), "flr,bus  D0  8.0 GT/s x4  alone  can be assigned\n");
  EXPECT_THAT(list("09:00.0"), HasSubstr("in use: mounted /srv"));
  EXPECT_THAT(list("0a:02.0"), HasSubstr("more  its IOMMU group"));
  // A sleeping device is not asked for its link.
  host.AddFile(drive + "power_state", "D3hot\n");
  EXPECT_EQ(list("08:00.0"), "flr,bus  D3hot  asleep  alone  can be assigned\n");
  vassign.context().use_marks = nullptr;
  EXPECT_THAT(list("08:00.0"), HasSubstr("can be assigned if nothing uses it"));
}

TEST(List, OwnerIsTheProcessThatHasItThroughVfio) {
  auto tree = test::LoadHost("host.txt");
  tree->AddDirectory("/proc/1/fd");
  tree->AddFile("/proc/77/comm", "vmm\n");
  tree->AddLink("/proc/77/fd/3", "/dev/vfio/17");
  VassignRun vassign(std::move(tree));
  EXPECT_THAT(vassign({"list", "--no-headers", "-o", "bdf,owner,vfio", "00:10.0"}).out,
              HasSubstr("vmm (pid 77)"));
  EXPECT_THAT(vassign({"list", "--tree", "--no-headers", "-o", "owner", "00:10.0"}).out,
              HasSubstr("vmm (pid 77)"));
  EXPECT_EQ(vassign({"list", "--no-headers", "-o", "bdf,owner", "08:00.0"}).out,
            "0000:08:00.0  -\n");
}

TEST(List, WhatIsNotAskedForIsNotRead) {
  std::set<std::string> rest = {"/proc/1/fd"};
  for (const char* file : {"reset_method", "power_state", "power/runtime_status",
                           "current_link_speed", "current_link_width", "driver_override"})
    rest.insert(std::string("/sys/bus/pci/devices/0000:08:00.0/") + file);
  VassignRun vassign(
      std::make_unique<test::StuckTree>(test::LoadHost("host.txt"), rest, test::StuckTree::kFails));
  EXPECT_EQ(vassign({"list"}).status, 0);
  EXPECT_EQ(vassign({"list", "-o", "bdf,isolation,vfio"}).status, 0);
}

TEST(List, NothingMatchesIsAnEmptyTable) {
  VassignRun vassign;
  const auto outcome = vassign({"list", "--no-headers", "--driver", "absent"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
}

TEST(List, ColumnsAreExplainedOnRequest) {
  VassignRun vassign;
  const auto outcome = vassign({"list", "-o", "help"});
  EXPECT_EQ(outcome.status, 0);
  for (const char* column : {"bdf", "numa", "override", "in-use"})
    EXPECT_THAT(outcome.out, HasSubstr(std::string("\n  ") + column + " "));
}

TEST(List, TreeShowsWhatIsBehindWhat) {
  VassignRun vassign;
  const auto outcome = vassign({"list", "--tree"});
  EXPECT_EQ(outcome.status, 0);
  ExpectGolden("list_tree.txt", outcome.out);
}

TEST(List, TreeOfVirtualFunctionsUnfoldsThem) {
  VassignRun vassign;
  ExpectGolden("list_tree_vf.txt", vassign({"list", "--tree", "--vf", "-o", "driver,group"}).out);
  EXPECT_THAT(vassign({"list", "--tree", "03:10.2"}).out, HasSubstr("└─ 0000:03:10.2 "));
}

TEST(List, TreeFitsTheTerminal) {
  VassignRun vassign;
  vassign.context().width = 80;
  std::istringstream lines(vassign({"list", "--tree"}).out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;
}

TEST(List, OptionsThatDoNotGoTogether) {
  VassignRun vassign;
  EXPECT_EQ(vassign({"list", "--tree", "--json"}).status, 2);
  vassign.context().json = false;
  EXPECT_EQ(vassign({"list", "--details"}).status, 2);
  EXPECT_EQ(vassign({"list", "--free"}).status, 2);
}

TEST(List, StuckDeviceIsBusyWithAFootnote) {
  VassignRun vassign(std::make_unique<test::StuckTree>(
      test::LoadHost("host.txt"),
      std::set<std::string>{"/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs"}));
  const auto outcome = vassign({"list", "--no-headers", "-o", "bdf,override,vfs", "--pf"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out,
            "0000:03:00.0  busy  busy/7\n"
            "0000:08:00.0  -     0/4\n");
  EXPECT_THAT(outcome.err, HasSubstr("busy: "));
  EXPECT_EQ(vassign({"list", "--no-headers", "-o", "bdf,override", "--class", "nvme"}).err, "");
  const auto json = nlohmann::json::parse(vassign({"list", "--json", "03:00.0"}).out);
  EXPECT_TRUE(json["devices"][0]["sriov"]["num"].is_null());
  EXPECT_EQ(json["devices"][0]["unknown"][1]["fact"], "sriov.num");
}

TEST(List, DefaultColumnsNeverWaitForALock) {
  VassignRun vassign(std::make_unique<test::StuckTree>(
      test::LoadHost("host.txt"),
      std::set<std::string>{"/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs",
                            "/sys/bus/pci/devices/0000:03:00.0/driver_override"},
      test::StuckTree::kFails));
  EXPECT_EQ(vassign({"list"}).status, 0);
  EXPECT_EQ(vassign({"list", "--tree"}).status, 0);
}

TEST(List, JsonOfAllDetails) {
  VassignRun vassign;
  const auto list = nlohmann::json::parse(vassign({"list", "--json", "--details", "08:00.0"}).out);
  const auto show = nlohmann::json::parse(vassign({"show", "--json", "08:00.0"}).out);
  EXPECT_EQ(list["schema"], "vassign.list/1");
  EXPECT_EQ(list["devices"], show["devices"]);
}

TEST(List, JsonSaysWhyNot) {
  VassignRun vassign;
  vassign.context().use_marks = test::UsedOnBus(9);
  const auto reasons = [&](const char* device) {
    const auto json = nlohmann::json::parse(vassign({"list", "--json", device}).out);
    const auto& assignable = json["devices"][0]["assignable"];
    EXPECT_EQ(assignable["ok"], assignable["reasons"].empty());
    std::vector<std::string> codes;
    for (const auto& reason : assignable["reasons"]) codes.push_back(reason["code"]);
    return codes;
  };
  EXPECT_THAT(reasons("08:00.0"), testing::IsEmpty());
  EXPECT_THAT(reasons("09:00.0"), testing::ElementsAre("in-use"));
  EXPECT_THAT(reasons("0a:02.0"), testing::ElementsAre("unfit"));
}

TEST(List, JsonFollowsTheSchema) {
  VassignRun vassign;
  const auto outcome = vassign({"list", "--json"});
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["schema"], "vassign.list/1");
  EXPECT_EQ(json["devices"].size(), 15u);
  EXPECT_EQ(json["host"]["kernel"], "6.12.0-1-amd64");
  ExpectGolden("list_group.json", vassign({"list", "--json", "group:16", "10000:01:00.0"}).out);
}

TEST(List, NeverOpensConfigurationSpaceNorWritesAnything) {
  VassignRun vassign;
  auto& tree = dynamic_cast<test::FakeTree&>(*vassign.context().tree);
  const auto names = tree.List("/sys/bus/pci/devices");
  for (const auto& name : *names) tree.Remove("/sys/bus/pci/devices/" + name + "/config");
  EXPECT_EQ(vassign({"list"}).status, 0);
  EXPECT_TRUE(tree.writes().empty());
}

TEST(List, SysrootReadsTheSameFromADirectory) {
  std::string name = (fs::path(testing::TempDir()) / "host-XXXXXX").string();
  const fs::path root = ::mkdtemp(name.data());
  test::WriteHost("host.txt", root);
  VassignRun empty(std::make_unique<test::FakeTree>());
  VassignRun recorded;
  EXPECT_EQ(empty({"list", "--sysroot", root.c_str()}).out, recorded({"list"}).out);
  EXPECT_EQ(empty({"list", "--json", "--sysroot", root.c_str()}).out,
            recorded({"list", "--json"}).out);
  fs::remove_all(root);
}

TEST(List, NoSysfsIsExplained) {
  auto tree = std::make_unique<test::FakeTree>();
  tree->Remove("/sys");
  VassignRun vassign(std::move(tree));
  const auto outcome = vassign({"list"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(outcome.err, HasSubstr("  cure: sysfs must be mounted"));
}

}  // namespace
}  // namespace cli
