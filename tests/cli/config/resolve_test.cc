#include "cli/config/resolve.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/unreadable_tree.h"

namespace cli {
namespace {

using base::Code;
using sysfs::Identity;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;

constexpr sysfs::PciAddress kFirst{0, 8, 0, 0};
constexpr sysfs::PciAddress kSecond{0, 9, 0, 0};
constexpr sysfs::PciAddress kThird{0, 10, 0, 0};

Identity Drive(const std::string& path, std::optional<std::string> serial) {
  Identity one;
  one.path = path;
  one.vendor = 0x1b36;
  one.device = 0x10;
  one.subsystem_vendor = 0x1af4;
  one.subsystem_device = 0x1100;
  one.serial = std::move(serial);
  return one;
}

Entry ByPath(const std::string& path) {
  Entry entry;
  entry.name = "scratch";
  entry.place = "f.toml:1";
  entry.driver = "vfio-pci";
  entry.match.path = path;
  entry.match.id = IdPair{0x1b36, 0x10};
  return entry;
}

Entry BySerial(const std::string& serial) {
  Entry entry = ByPath("");
  entry.match = {};
  entry.match.serial = serial;
  return entry;
}

class ResolveTest : public testing::Test {
 protected:
  base::Result<std::optional<Resolved>> Run(const Entry& entry,
                                            const std::set<std::string>& repin = {}) {
    return Resolve(entry, pinned_, devices_, repin);
  }
  void Pin(const Identity& identity) { pinned_["scratch"] = identity; }

  std::vector<HostDevice> devices_ = {{kFirst, false, Drive("0000:00/16.0/00.0", "S1")},
                                      {kSecond, false, Drive("0000:00/17.0/00.0", "S2")}};
  Pinned pinned_;
};

TEST_F(ResolveTest, APathWithIdsMeansTheCardThere) {
  const auto found = Run(ByPath("0000:00/17.0/00.0"));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->device.address, kSecond);
  Entry other = ByPath("0000:00/17.0/00.0");
  other.match.id = IdPair{0x8086, 0x10};
  EXPECT_THAT(Run(other), FailsWith(Code::kNotFound, HasSubstr("no device of this host")));
}

TEST_F(ResolveTest, AllThatIsGivenMustHold) {
  Entry entry = ByPath("0000:00/16.0/00.0");
  entry.match.address = kSecond;
  EXPECT_THAT(Run(entry), FailsWith(Code::kNotFound));
  entry.match.address = kFirst;
  entry.match.serial = "S2";
  EXPECT_THAT(Run(entry), FailsWith(Code::kNotFound));
  entry.match.serial = "S1";
  entry.match.subsystem = IdPair{1, 1};
  EXPECT_THAT(Run(entry), FailsWith(Code::kNotFound));
  entry.match.subsystem = IdPair{0x1af4, 0x1100};
  EXPECT_THAT(Run(entry), IsOk());
}

// While VFIO has a drive its serial number is not to be read: the pin tells, unless that very drive
// is seen in another place.
TEST_F(ResolveTest, ThePinIsNotBelievedWhenItsCardIsElsewhere) {
  Entry entry = ByPath("0000:00/16.0/00.0");
  entry.match.serial = "S1";
  Pin(Drive("0000:00/16.0/00.0", "S1"));
  devices_[0].identity.serial.reset();
  EXPECT_THAT(Run(entry), IsOk());
  devices_[1].identity.serial = "S1";
  EXPECT_THAT(Run(entry), FailsWith(Code::kNotFound, HasSubstr("is now at 0000:09:00.0")));
}

TEST_F(ResolveTest, ASerialMayBeTheDeviceSerialNumber) {
  devices_[1].identity.serial.reset();
  devices_[1].identity.dsn = "00-11-22-33-44-55-66-77";
  const auto found = Run(BySerial("00-11-22-33-44-55-66-77"));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->device.address, kSecond);
}

TEST_F(ResolveTest, WhatIsAmbiguousIsNamed) {
  devices_[1].identity.serial = "S1";
  EXPECT_THAT(Run(BySerial("S1")), FailsWith(Code::kNotFound, AllOf(HasSubstr("0000:08:00.0"),
                                                                    HasSubstr("0000:09:00.0"))));
}

TEST_F(ResolveTest, OnlyAnOptionalOneMayBeAbsent) {
  Entry entry = BySerial("S9");
  EXPECT_THAT(Run(entry), FailsWith(Code::kNotFound));
  entry.optional = true;
  const auto found = Run(entry);
  ASSERT_THAT(found, IsOk());
  EXPECT_FALSE(*found);
}

TEST_F(ResolveTest, AVirtualFunctionIsConfiguredElsewhere) {
  devices_[0].is_virtual = true;
  EXPECT_THAT(Run(ByPath("0000:00/16.0/00.0")),
              FailsWith(Code::kUsage, HasSubstr("virtual function")));
}

TEST_F(ResolveTest, AnotherCardInTheSlotIsRefusedWithWhereTheFormerWent) {
  Pin(Drive("0000:00/16.0/00.0", "S1"));
  devices_[0].identity.serial = "S7";
  devices_[1].identity.serial = "S1";
  const auto found = Run(ByPath("0000:00/16.0/00.0"));
  EXPECT_THAT(found, FailsWith(Code::kNotFound, AllOf(HasSubstr("serial S1 then, S7 now"),
                                                      HasSubstr("now at 0000:09:00.0"))));
  EXPECT_THAT(found.error().hint(), HasSubstr("--repin scratch"));
  EXPECT_THAT(Run(ByPath("0000:00/16.0/00.0"), {"scratch"}), IsOk());
  EXPECT_THAT(Run(ByPath("0000:00/16.0/00.0"), {"other"}), FailsWith(Code::kNotFound));
}

TEST_F(ResolveTest, ASerialThatCannotBeReadNowIsKnownByThePin) {
  Pin(Drive("0000:00/16.0/00.0", "S1"));
  devices_[0].identity.serial.reset();
  const auto found = Run(BySerial("S1"));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->device.address, kFirst);
  // Another kind of card in its place is not it.
  devices_[0].identity.subsystem_device = 7;
  EXPECT_THAT(Run(BySerial("S1")), FailsWith(Code::kNotFound));
}

TEST_F(ResolveTest, WithoutAPinAnUnreadableSerialIsNoMatch) {
  devices_[0].identity.serial.reset();
  EXPECT_THAT(Run(BySerial("S1")), FailsWith(Code::kNotFound));
}

TEST_F(ResolveTest, ACardThatIsNamedMayMove) {
  Pin(Drive("0000:00/16.0/00.0", "S1"));
  devices_[0].identity.serial = "S2";
  devices_[1].identity.serial = "S1";
  const auto found = Run(BySerial("S1"));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->device.address, kSecond);
  EXPECT_EQ((*found)->note, "moved from 0000:00/16.0/00.0 to 0000:00/17.0/00.0");
}

TEST_F(ResolveTest, AMacTellsCardsApart) {
  devices_.push_back({kThird, false, Drive("0000:00/18.0/00.0", {})});
  devices_[2].identity.mac = "52:54:00:00:00:03";
  Entry entry = BySerial("");
  entry.match = {};
  entry.match.mac = "52:54:00:00:00:03";
  ASSERT_THAT(Run(entry), IsOk());
  Pin(devices_[2].identity);
  devices_[2].identity.mac.reset();
  ASSERT_THAT(Run(entry), IsOk());
  devices_[2].identity.mac = "52:54:00:00:00:04";
  EXPECT_THAT(Run(entry), FailsWith(Code::kNotFound));
}

// A pin of such an identity would never be met again.
TEST(ReadHostDevices, APlaceThatCannotBeReadIsAnError) {
  test::FakeTree tree;
  tree.AddDevice({.bdf = "0000:00:1c.2", .class_code = 0x060400});
  tree.AddDevice({.bdf = "0000:09:00.1", .parent = "0000:00:1c.2"});
  EXPECT_THAT(ReadHostDevices(tree, {}, {}, {}), IsOk());
  const test::UnreadableTree broken(tree, {"/sys/bus/pci/devices/0000:09:00.1"}, EIO);
  EXPECT_THAT(ReadHostDevices(broken, {}, {}, {}), FailsWith(Code::kKernel, HasSubstr("place")));
}

TEST(Combine, KeepsWhatWasKnownOfTheSameCard) {
  const Identity pin = Drive("0000:00/16.0/00.0", "S1");
  Identity now = Drive("0000:00/16.0/00.0", {});
  EXPECT_EQ(Combine(now, pin).serial, "S1");
  EXPECT_EQ(Combine(now, std::nullopt).serial, std::nullopt);
  now.device = 7;
  EXPECT_EQ(Combine(now, pin).serial, std::nullopt) << "another card";
}

}  // namespace
}  // namespace cli
