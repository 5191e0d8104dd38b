#include "cli/automation/rules.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace {

using cli::DevicePattern;
using cli::Entry;
using cli::IdPair;
using cli::MakeRules;
using sysfs::Identity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Entry Drive() {
  Entry entry;
  entry.name = "scratch";
  entry.match.path = "0000:00/16.0/00.0";
  entry.match.id = IdPair{0x1b36, 0x0010};
  entry.match.subsystem = IdPair{0x1af4, 0x1100};
  entry.driver = "vfio-pci";
  entry.place = "/etc/vassign/vassign.toml:1";
  return entry;
}

Entry Card() {
  Entry entry;
  entry.name = "nic0";
  entry.match.mac = "52:54:00:aa:00:03";
  entry.functions = cli::Functions{4, sriov::Drivers::kVfio};
  entry.place = "/etc/vassign/vassign.toml:9";
  return entry;
}

Identity CardIdentity() {
  Identity card;
  card.path = "0000:00/12.0/00.0";
  card.vendor = 0x8086;
  card.device = 0x10c9;
  card.subsystem_vendor = 0x8086;
  card.subsystem_device = 0xa03c;
  return card;
}

TEST(DevicePattern, HasAnyBusNumberButThatOfTheRoot) {
  EXPECT_EQ(DevicePattern("0000:00/16.0/00.0"), "*/pci0000:00/0000:00:16.0/0000:??:00.0");
  EXPECT_EQ(DevicePattern("0000:00/1f.2"), "*/pci0000:00/0000:00:1f.2");
  EXPECT_EQ(DevicePattern("10000:e1/00.0/02.1/03.7"),
            "*/pci10000:e1/10000:e1:00.0/10000:??:02.1/10000:??:03.7");
}

TEST(Rules, WordWithAMeaningToUdevIsRefused) {
  for (const char* word : {"a\"b", "$kernel", "%k", "a b", "", "a|b", "x\n"}) {
    Entry entry = Drive();
    entry.driver = word;
    EXPECT_THAT(MakeRules({entry}, {}),
                test::FailsWith(base::Code::kUsage, HasSubstr("vassign.toml:1: driver")));
    entry = Drive();
    entry.access = cli::Access{std::nullopt, word};
    EXPECT_THAT(MakeRules({entry}, {}), test::FailsWith(base::Code::kUsage, HasSubstr("group")));
  }
}

TEST(Rules, NameOfAFileStaysInItsComment) {
  Entry drive = Drive();
  drive.place = "/etc/vassign/conf.d/a\nRUN+=\"x\".toml:1";
  const auto rules = MakeRules({drive}, {});
  ASSERT_THAT(rules, test::IsOk());
  EXPECT_THAT(rules->udev, HasSubstr("# scratch (/etc/vassign/conf.d/a?RUN+=\"x\".toml:1)\n"));
}

TEST(Rules, WithoutAnEntryTheyDoNothing) {
  const auto rules = MakeRules({}, {});
  ASSERT_THAT(rules, test::IsOk());
  EXPECT_THAT(rules->udev, HasSubstr("LABEL=\"vassign_end\""));
  EXPECT_THAT(rules->udev, Not(HasSubstr("DEVPATH")));
  EXPECT_EQ(rules->early, "");
}

TEST(Rules, DriveIsKeptFromItsDriver) {
  Entry drive = Drive();
  drive.access = cli::Access{"vm", "kvm", 0640};
  const auto rules = MakeRules({drive}, {});
  ASSERT_THAT(rules, test::IsOk());
  EXPECT_EQ(rules->udev,
            R"(# Made by "vassign rules --install" from /etc/vassign; it writes this file anew.
ACTION=="remove", GOTO="vassign_end"
SUBSYSTEM!="pci|vfio-dev", GOTO="vassign_end"
IMPORT{cmdline}="vassign"
ENV{vassign}=="off", GOTO="vassign_end"

# scratch (/etc/vassign/vassign.toml:1)
SUBSYSTEM=="pci", DEVPATH=="*/pci0000:00/0000:00:16.0/0000:??:00.0", \
  ATTR{vendor}=="0x1b36", ATTR{device}=="0x0010", \
  ATTR{subsystem_vendor}=="0x1af4", ATTR{subsystem_device}=="0x1100", \
  ENV{VASSIGN_ENTRY}="scratch", ENV{VASSIGN_DRIVER}="vfio-pci"
SUBSYSTEM=="vfio-dev", DEVPATH=="*/pci0000:00/0000:00:16.0/0000:??:00.0/vfio-dev/*", \
  ATTRS{vendor}=="0x1b36", ATTRS{device}=="0x0010", \
  ATTRS{subsystem_vendor}=="0x1af4", ATTRS{subsystem_device}=="0x1100", \
  MODE="0640", OWNER="vm", GROUP="kvm"

SUBSYSTEM!="pci", GOTO="vassign_end"
ACTION=="add", ENV{VASSIGN_DRIVER}=="?*", DRIVER!="?*", ATTR{driver_override}="$env{VASSIGN_DRIVER}"
ENV{VASSIGN_ENTRY}=="?*", TAG+="systemd", ENV{SYSTEMD_ALIAS}+="/sys/bus/pci/devices/$kernel", \
  ENV{SYSTEMD_WANTS}+="vassign@$kernel.service"
LABEL="vassign_end"
)");
  EXPECT_EQ(rules->early, "0000:00/16.0/00.0 1b36:0010 1af4:1100 vfio-pci\n");
  EXPECT_TRUE(rules->uncovered.empty());
}

TEST(Rules, PhysicalFunctionIsLeftToItsDriverAndStartsTheUnitThen) {
  const auto rules = MakeRules({Card()}, {{"nic0", CardIdentity()}});
  ASSERT_THAT(rules, test::IsOk());
  EXPECT_THAT(rules->udev, HasSubstr(
                               R"(DEVPATH=="*/pci0000:00/0000:00:12.0/0000:??:00.0", \
  ATTR{vendor}=="0x8086", ATTR{device}=="0x10c9", \
  ATTR{subsystem_vendor}=="0x8086", ATTR{subsystem_device}=="0xa03c", DRIVER=="?*", \
  ENV{VASSIGN_ENTRY}="nic0"
)"));
  EXPECT_THAT(rules->udev, Not(HasSubstr("ENV{VASSIGN_DRIVER}=\"vfio")));
  EXPECT_EQ(rules->early, "");
}

TEST(Rules, ACardKnownByItsPinAloneIsSeenByItsDriverBeforeAnythingIsTaken) {
  Entry drive = Drive();
  drive.match = {};
  drive.match.serial = "S1";
  Identity pin = CardIdentity();
  pin.path = "0000:00/16.0/00.0";
  const auto rules = MakeRules({drive}, {{"scratch", pin}});
  ASSERT_THAT(rules, test::IsOk());
  EXPECT_THAT(rules->udev, HasSubstr("ENV{VASSIGN_ENTRY}=\"scratch\""));
  EXPECT_THAT(rules->udev, Not(HasSubstr("ENV{VASSIGN_DRIVER}=\"vfio")));
  EXPECT_EQ(rules->early, "");
}

// Its place and ids fit any card of the same kind, the host's own disk too.
TEST(Rules, ACardThatIsNamedIsSeenByItsDriverFirstAlsoInItsPlace) {
  for (const bool by_mac : {false, true}) {
    Entry drive = Drive();
    (by_mac ? drive.match.mac : drive.match.serial) = by_mac ? "52:54:00:00:00:01" : "S1";
    const auto rules = MakeRules({drive}, {});
    ASSERT_THAT(rules, test::IsOk());
    EXPECT_THAT(rules->udev, HasSubstr("ENV{VASSIGN_ENTRY}=\"scratch\""));
    EXPECT_THAT(rules->udev, Not(HasSubstr("ENV{VASSIGN_DRIVER}=\"vfio")));
    EXPECT_EQ(rules->early, "");
  }
}

TEST(Rules, EntryWithoutAPlaceIsNamed) {
  const auto rules = MakeRules({Drive(), Card()}, {{"other", CardIdentity()}});
  ASSERT_THAT(rules, test::IsOk());
  EXPECT_THAT(rules->uncovered,
              ElementsAre(testing::StartsWith("nic0 (/etc/vassign/vassign.toml:9): ")));
  EXPECT_THAT(rules->udev, Not(HasSubstr("nic0")));
}

TEST(Rules, IdsThatAreNotGivenAreNotAsked) {
  Entry drive = Drive();
  drive.match.subsystem = {};
  const auto rules = MakeRules({drive}, {});
  ASSERT_THAT(rules, test::IsOk());
  EXPECT_THAT(rules->udev, Not(HasSubstr("subsystem_")));
  EXPECT_EQ(rules->early, "0000:00/16.0/00.0 1b36:0010 - vfio-pci\n");
}

}  // namespace
