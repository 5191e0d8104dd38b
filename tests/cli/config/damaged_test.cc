// Damaged files of /etc/vassign and /var/lib/vassign: named, and never another card.
#include "tests/support/damaged.h"

#include <gmock/gmock.h>

#include "cli/automation/persist.h"
#include "cli/config/alias.h"
#include "cli/config/resolve.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace cli {
namespace {

using base::Code;
using sysfs::Identity;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::HasSubstr;
using testing::Optional;

constexpr sysfs::PciAddress kCard{0, 8, 0, 0};
constexpr sysfs::PciAddress kNeighbour{0, 9, 0, 0};
constexpr const char* kName = "scratch";

// All that a card can tell.
Identity Card() {
  Identity one;
  one.path = "0000:00/16.0/00.0";
  one.vendor = 0x1b36;
  one.device = 0x10;
  one.subsystem_vendor = 0x1af4;
  one.subsystem_device = 0x1100;
  one.serial = "S1";
  one.dsn = "00-11-22-ff-ff-33-44-55";
  one.mac = "52:54:00:00:00:03";
  return one;
}

// What is still to be read when VFIO has it, in configuration space.
Identity Silent(Identity card) {
  card.serial.reset();
  card.mac.reset();
  return card;
}

Entry BySerial() {
  Entry entry;
  entry.name = kName;
  entry.match.serial = Card().serial;
  entry.driver = "vfio-pci";
  return entry;
}

// The same in each place that the pin may name now: a card of the same kind with its own numbers.
Identity NeighbourAt(const std::string& path) {
  Identity other = Card();
  other.path = path == Card().path ? "0000:00/17.0/00.0" : path;
  other.serial = "S8";
  other.dsn = "00-11-22-ff-ff-33-44-77";
  other.mac = "52:54:00:00:00:77";
  return other;
}

void ExpectNoNeighbour(const Entry& entry, const Pinned& pinned,
                       const std::vector<HostDevice>& devices) {
  const auto found = Resolve(entry, pinned, devices);
  const bool is_other = found && *found && (*found)->device.address != kCard;
  EXPECT_FALSE(is_other) << FormatEntry(entry) << FormatPin(pinned.begin()->second);
}

class DamagedPin : public testing::Test {
 protected:
  base::Result<Pinned> Read(const std::string& text) const {
    test::Replace(pins_.Path(kName), text);
    return pins_.Read();
  }
  test::TempFolder folder_;
  Pins pins_{folder_.path()};
};

TEST_F(DamagedPin, IsNamed) {
  for (const std::string& text : test::Torn(FormatPin(Card()))) {
    const auto read = Read(text);
    ASSERT_THAT(read, FailsWith(Code::kUsage, HasSubstr(pins_.Path(kName)))) << text;
    EXPECT_THAT(read.error().hint(), HasSubstr("remove the file"));
  }
  for (const std::string& text : test::Flipped(FormatPin(Card())))
    ASSERT_THAT(ParsePin(text), FailsWith(Code::kUsage)) << text;
}

// VFIO hides the serial number by which the entry knows it.
TEST_F(DamagedPin, MakesAnAliasNoOtherDevice) {
  test::FakeTree tree;
  for (const char* bdf : {"0000:08:00.0", "0000:09:00.0"}) {
    tree.AddDevice({.bdf = bdf,
                    .vendor = 0x1b36,
                    .device = 0x10,
                    .subsystem_vendor = 0x1af4,
                    .subsystem_device = 0x1100});
  }
  tree.AddFile("/etc/vassign/vassign.toml", FormatEntry(BySerial()));
  const std::string path = std::string("/var/lib/vassign/pins/") + kName + ".json";
  Identity pin = Card();
  pin.path = sysfs::PciPath(tree, kCard);
  tree.AddFile(path, FormatPin(pin));
  EXPECT_THAT(FindAlias(tree, kName), IsOkAnd(Optional(kCard)));
  for (const std::string& text : test::Torn(FormatPin(pin))) {
    if (text + "\n" == FormatPin(pin)) continue;  // whole but for the end of its last line
    tree.AddFile(path, text);
    EXPECT_THAT(FindAlias(tree, kName), FailsWith(Code::kUsage, HasSubstr(path))) << text;
  }
}

// The pin is whole, and what is identical sits where the entry says now.
void ExpectNamedOrTheSameCard(const Identity& card) {
  Entry whole = EntryFor(card, "vfio-pci");
  whole.force = {sysfs::ForceReason::kNoReset};
  const std::string path = PersistPath(whole);
  for (const std::string& text : test::Damaged(PersistText(whole))) {
    const auto config = ParseConfig(text, path);
    if (!config) {
      ASSERT_THAT(config, FailsWith(Code::kUsage, HasSubstr(path))) << text;
      continue;
    }
    for (const Entry& entry : *config) {
      Identity near = card;
      near.path = NeighbourAt(entry.match.path.value_or(card.path)).path;
      EXPECT_FALSE(entry.group);
      EXPECT_TRUE(entry.force.empty() || entry.force == whole.force) << text;
      ExpectNoNeighbour(entry, {{whole.name, card}},
                        {{kCard, false, Silent(card)}, {kNeighbour, false, Silent(near)}});
    }
  }
}

TEST(DamagedEntry, OfABindThatWasKeptIsNamedOrMeansTheSameCard) {
  ExpectNamedOrTheSameCard(Card());
}

TEST(DamagedEntry, OfACardThatTellsNothingToo) {
  Identity card = Silent(Card());
  card.dsn.reset();
  ExpectNamedOrTheSameCard(card);
}

}  // namespace
}  // namespace cli
