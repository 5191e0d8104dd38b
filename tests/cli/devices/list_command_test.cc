#include "cli/devices/list_command.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/vassign_run.h"

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
  vassign.context().use_marks = [](const sysfs::PciDevice& device) {
    std::vector<sysfs::Evidence> evidence;
    if (device.address.bus == 9)
      evidence.push_back(
          {sysfs::UseKind::kMount, {"0000:09:00.0", "sda", "mounted /srv"}, "", std::nullopt, ""});
    return evidence;
  };
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

TEST(List, NothingMatchesIsAnEmptyTable) {
  VassignRun vassign;
  const auto outcome = vassign({"list", "--no-headers", "--driver", "absent"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
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
