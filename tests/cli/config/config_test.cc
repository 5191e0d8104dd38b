#include "cli/config/config.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"

namespace {

using cli::Config;
using cli::ParseConfig;

constexpr const char* kDrive = R"(
[[device]]
name = "scratch"
match = { path = "0000:00/16.0/00.0", id = "1b36:0010", serial = "S1" }
driver = "vfio-pci"
group = true
optional = true
force = ["no-reset", "group"]
access = { user = "vm", group = "kvm", mode = "0640" }
)";

constexpr const char* kCard = R"(
[[device]]
name = "nic0"
match = { mac = "52:54:00:AA:00:03", id = "8086:10c9" }
[device.sriov]
count = 4
driver = "vfio-pci"
[[device.sriov.vf]]
index = 0
mac = "02:00:00:00:00:01"
vlan = 7
qos = 3
trust = true
[[device.sriov.vf]]
index = "1-3"
spoof-check = false
min-rate = 10
max-rate = 100
link = "enable"
msix-count = 4
)";

std::string ErrorOf(const std::string& text) {
  const auto config = ParseConfig(text, "f.toml");
  if (config) return "accepted";
  EXPECT_EQ(config.error().code(), base::Code::kUsage) << config.error().message();
  return config.error().message();
}

// The drive with one line more or another one.
std::string With(const std::string& line) {
  return "[[device]]\nname = \"a\"\nmatch = { serial = \"S\" }\ndriver = \"vfio-pci\"\n" + line;
}

TEST(Config, ADriveIsRead) {
  const auto config = ParseConfig(kDrive, "f.toml");
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->size(), 1U);
  const cli::Entry& entry = config->front();
  EXPECT_EQ(entry.name, "scratch");
  EXPECT_EQ(entry.match.path, "0000:00/16.0/00.0");
  EXPECT_EQ(entry.match.id, (cli::IdPair{0x1b36, 0x10}));
  EXPECT_EQ(entry.match.serial, "S1");
  EXPECT_EQ(entry.driver, "vfio-pci");
  EXPECT_TRUE(entry.group);
  EXPECT_TRUE(entry.optional);
  EXPECT_EQ(entry.force,
            (sysfs::ForceSet{sysfs::ForceReason::kNoReset, sysfs::ForceReason::kGroup}));
  EXPECT_EQ(entry.access, (cli::Access{"vm", "kvm", 0640}));
  EXPECT_EQ(entry.place, "f.toml:2");
}

TEST(Config, ACardWithFunctionsIsRead) {
  const auto config = ParseConfig(kCard, "f.toml");
  ASSERT_TRUE(config) << config.error().message();
  const cli::Entry& entry = config->front();
  EXPECT_EQ(entry.match.mac, "52:54:00:aa:00:03");
  ASSERT_TRUE(entry.functions);
  EXPECT_EQ(entry.functions->count, 4U);
  EXPECT_EQ(entry.functions->drivers, sriov::Drivers::kVfio);
  ASSERT_EQ(entry.functions->settings.size(), 4U);
  const auto& first = entry.functions->settings.at(0).attributes;
  EXPECT_EQ(first.mac->ToString(), "02:00:00:00:00:01");
  EXPECT_EQ(first.vlan, (sriov::Vlan{7, 3}));
  EXPECT_EQ(first.trust, true);
  const auto& last = entry.functions->settings.at(3);
  EXPECT_EQ(last.attributes.rates, (sriov::Rates{10, 100}));
  EXPECT_EQ(last.attributes.link, sriov::LinkState::kEnable);
  EXPECT_EQ(last.attributes.spoof_check, false);
  EXPECT_EQ(last.msix_count, 4U);
}

TEST(Config, WhatIsWrittenIsReadBack) {
  for (const char* text : {kDrive, kCard}) {
    auto config = ParseConfig(text, "f.toml");
    ASSERT_TRUE(config);
    auto again = ParseConfig(cli::FormatEntry(config->front()), "g.toml");
    ASSERT_TRUE(again) << again.error().message();
    const cli::Entry& one = config->front();
    const cli::Entry& two = again->front();
    EXPECT_EQ(one.match, two.match);
    EXPECT_EQ(one.driver, two.driver);
    EXPECT_EQ(one.group, two.group);
    EXPECT_EQ(one.optional, two.optional);
    EXPECT_EQ(one.force, two.force);
    EXPECT_EQ(one.functions, two.functions);
    EXPECT_EQ(one.access, two.access);
  }
}

TEST(Config, EveryMistakeIsToldWithItsLine) {
  const std::pair<std::string, std::string> kMistakes[] = {
      {"a = ", "f.toml:1: "},
      {"[$", "f.toml:1: "},
      {"\u00e9 = 1", "f.toml:1: "},
      {"\ufec7", "f.toml:1: "},
      {"devices = []", "f.toml:1: unknown key 'devices'"},
      {"version = 2", "f.toml:1: version is not 1"},
      {"[device]\nname = \"a\"", "device is not a list: write [[device]]"},
      {"[[device]]\ndriver = \"vfio-pci\"", "f.toml:1: name is not there"},
      {"[[device]]\nname = \"A b\"\n", "f.toml:2: name is not there"},
      {"[[device]]\nname = \"a\"\ndriver = \"x\"", "match is not there"},
      {With("driver2 = 1"), "f.toml:5: unknown key 'driver2'"},
      {With("group = 1"), "f.toml:5: group is not true or false"},
      {With("force = [\"please\"]"), "please"},
      {With("force = \"group\""), "force is not a list"},
      {With("[device.sriov]\ncount = 2"), "given away"},
      {With("access = { mode = \"0999\" }"), "octal"},
      {With("access = { mode = 432 }"), "mode is not a text"},
      {With(With("")), "f.toml:6: name is not new"},
      {"[[device]]\nname = \"a\"\nmatch = { serial = \"S\" }", "wants nothing"},
      {"[[device]]\nname = \"a\"\nmatch = { serial = \"\" }\ndriver = \"x\"",
       "serial is not a text"},
  };
  for (const auto& [text, wanted] : kMistakes)
    EXPECT_NE(ErrorOf(text).find(wanted), std::string::npos) << text << "\n-> " << ErrorOf(text);
}

TEST(Config, AMatchThatAnyCardCouldMeetIsRefused) {
  for (const char* match :
       {"{ address = \"08:00.0\" }", "{ path = \"0000:00/16.0/00.0\" }", "{ id = \"1b36:0010\" }",
        "{ address = \"08:00.0\", id = \"1b36:0010\" }"}) {
    const std::string text =
        std::string("[[device]]\nname = \"a\"\nmatch = ") + match + "\ndriver = \"vfio-pci\"\n";
    EXPECT_NE(ErrorOf(text).find("has to name the card"), std::string::npos) << match;
  }
}

TEST(Config, FunctionsAreChecked) {
  const auto card = [](const std::string& rest) {
    return "[[device]]\nname = \"a\"\nmatch = { serial = \"S\" }\n[device.sriov]\n" + rest;
  };
  const std::pair<std::string, std::string> kMistakes[] = {
      {"driver = \"vfio-pci\"", "count is not there"},
      {"count = 70000", "count is not a number from 0 to 65535"},
      {"count = 1\ndriver = \"igbvf\"", "driver is not"},
      {"count = 2\n[[device.sriov.vf]]\nvlan = 1", "index is not there"},
      {"count = 2\n[[device.sriov.vf]]\nindex = 2", "index is not a number below 2"},
      {"count = 2\n[[device.sriov.vf]]\nindex = \"1-0\"", "index is not"},
      {"count = 2\n[[device.sriov.vf]]\nindex = \"0-1-1\"", "index is not"},
      {"count = 0\n[[device.sriov.vf]]\nindex = 0", "there are no virtual functions"},
      {"count = 2\n[[device.sriov.vf]]\nindex = 0\nqos = 1", "qos is not of any use"},
      {"count = 2\n[[device.sriov.vf]]\nindex = 0\nvlan = 4095", "vlan is not a number"},
      {"count = 2\n[[device.sriov.vf]]\nindex = 0\nmac = \"01:00:00:00:00:00\"", "f.toml:6"},
      {"count = 2\n[[device.sriov.vf]]\nindex = \"0-1\"\nmac = \"02:00:00:00:00:01\"",
       "more than one"},
      {"count = 2\n[[device.sriov.vf]]\nindex = 0\n[[device.sriov.vf]]\nindex = \"0-1\"",
       "already"},
      {"count = 2\n[[device.sriov.vf]]\nindex = 0\nmin-rate = 9\nmax-rate = 8",
       "min-rate is not below"},
      {"count = 2\n[[device.sriov.vf]]\nindex = 0\nlink = \"up\"", "link is not"},
  };
  for (const auto& [text, wanted] : kMistakes)
    EXPECT_NE(ErrorOf(card(text)).find(wanted), std::string::npos)
        << text << "\n-> " << ErrorOf(card(text));
}

TEST(Config, FilesAreReadInOrderAndLaterNamesWin) {
  test::FakeTree tree;
  EXPECT_EQ(cli::ReadConfig(tree).error().code(), base::Code::kNotFound);
  tree.AddFile("/etc/vassign/vassign.toml", std::string(kDrive) + kCard);
  tree.AddFile("/etc/vassign/conf.d/20-b.toml", With(""));
  tree.AddFile(
      "/etc/vassign/conf.d/10-a.toml",
      "[[device]]\nname = \"scratch\"\nmatch = { serial = \"S9\" }\ndriver = \"pci-stub\"\n");
  tree.AddFile("/etc/vassign/conf.d/readme", "no TOML");
  const auto config = cli::ReadConfig(tree);
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->size(), 3U);
  EXPECT_EQ((*config)[0].name, "scratch");
  EXPECT_EQ((*config)[0].driver, "pci-stub");
  EXPECT_EQ((*config)[0].place, "/etc/vassign/conf.d/10-a.toml:1");
  EXPECT_EQ((*config)[1].name, "nic0");
  EXPECT_EQ((*config)[2].name, "a");
}

}  // namespace
