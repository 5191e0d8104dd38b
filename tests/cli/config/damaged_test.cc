// Damaged files of /etc/vassign and /var/lib/vassign: named, and never another card.
#include "tests/support/damaged.h"

#include <gmock/gmock.h>

#include "cli/automation/persist.h"
#include "cli/automation/rules.h"
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
using testing::Not;
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

Entry Wanted(Match match) {
  Entry entry;
  entry.name = kName;
  entry.match = std::move(match);
  entry.driver = "vfio-pci";
  entry.access = Access{"vm", {}, 0600};
  return entry;
}

// Each way to name the card.
std::vector<Entry> Entries() {
  std::vector<Entry> entries(5, Wanted({}));
  entries[0].match.serial = Card().serial;
  entries[1].match.serial = Card().dsn;
  entries[2].match.mac = Card().mac;
  entries[3].match.path = Card().path;
  entries[3].match.id = IdPair{0x1b36, 0x10};
  entries[4] = Wanted(EntryFor(Card(), "vfio-pci").match);
  return entries;
}

// How many differ, and nothing is there that was not or the other way round.
size_t Differences(const Identity& one, const Identity& other) {
  EXPECT_TRUE(one.serial && one.dsn && one.mac);
  return size_t{one.path != other.path} + (one.vendor != other.vendor) +
         (one.device != other.device) + (one.subsystem_vendor != other.subsystem_vendor) +
         (one.subsystem_device != other.subsystem_device) + (one.serial != other.serial) +
         (one.dsn != other.dsn) + (one.mac != other.mac);
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
  // What damage makes of the pin and yet is a pin.
  static std::vector<Identity> Readable() {
    std::vector<Identity> all;
    for (const std::string& text : test::Flipped(FormatPin(Card()))) {
      if (const auto pin = ParsePin(text)) all.push_back(*pin);
    }
    return all;
  }
  test::TempFolder folder_;
  Pins pins_{folder_.path()};
};

TEST_F(DamagedPin, TornIsNamed) {
  for (const std::string& text : test::Torn(FormatPin(Card()))) {
    const auto read = Read(text);
    ASSERT_THAT(read, FailsWith(Code::kUsage, HasSubstr(pins_.Path(kName)))) << text;
    EXPECT_THAT(read.error().hint(), HasSubstr("remove the file"));
  }
}

TEST_F(DamagedPin, AFlippedBitIsNamedOrChangesOneValue) {
  for (const std::string& text : test::Flipped(FormatPin(Card()))) {
    const auto read = Read(text);
    if (read) {
      EXPECT_EQ(Differences(read->at(kName), Card()), 1u) << text;
    } else {
      ASSERT_THAT(read, FailsWith(Code::kUsage, HasSubstr(pins_.Path(kName)))) << text;
    }
  }
}

// Whether drivers or VFIO have them, and when the card itself is gone.
TEST_F(DamagedPin, NoOtherCardIsTakenForIt) {
  for (const Identity& pin : Readable()) {
    const Identity other = NeighbourAt(pin.path);
    for (const Identity& near : {other, Silent(other)}) {
      for (const Entry& entry : Entries()) {
        ExpectNoNeighbour(entry, {{kName, pin}}, {{kNeighbour, false, near}});
        for (const Identity& card : {Card(), Silent(Card())}) {
          ExpectNoNeighbour(entry, {{kName, pin}},
                            {{kCard, false, card}, {kNeighbour, false, near}});
        }
      }
    }
  }
}

// The other one tells its number, or is of another kind. Between two of one kind that tell nothing
// the pin's path alone decides.
TEST_F(DamagedPin, NoOtherCardWithoutADeviceSerialNumber) {
  const auto bare = [](Identity card) {
    card.dsn.reset();
    return card;
  };
  for (Identity pin : Readable()) {
    if (pin.dsn != Card().dsn) continue;
    pin.dsn.reset();
    const Identity other = bare(NeighbourAt(pin.path));
    Identity another_kind = Silent(other);
    another_kind.subsystem_device = 0x1101;
    for (const Identity& near : {other, another_kind}) {
      for (const Entry& entry : Entries())
        ExpectNoNeighbour(entry, {{kName, pin}},
                          {{kCard, false, bare(Silent(Card()))}, {kNeighbour, false, near}});
    }
  }
}

TEST_F(DamagedPin, GivesNoDriverBeforeTheCardIsKnown) {
  for (const Identity& pin : Readable()) {
    for (const Entry& entry : Entries()) {
      if (entry.match.path) continue;
      const auto rules = MakeRules({entry}, {{kName, pin}});
      ASSERT_THAT(rules, IsOk());
      EXPECT_THAT(rules->udev, Not(HasSubstr("ENV{VASSIGN_DRIVER}=\"vfio-pci\"")));
      EXPECT_EQ(rules->early, "");
    }
  }
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
  tree.AddFile("/etc/vassign/vassign.toml", FormatEntry(Entries()[0]));
  const std::string path = std::string("/var/lib/vassign/pins/") + kName + ".json";
  Identity pin = Card();
  pin.path = sysfs::PciPath(tree, kCard);
  tree.AddFile(path, FormatPin(pin));
  EXPECT_THAT(FindAlias(tree, kName), IsOkAnd(Optional(kCard)));
  for (const std::string& text : test::Torn(FormatPin(pin))) {
    tree.AddFile(path, text);
    const auto found = FindAlias(tree, kName);
    EXPECT_TRUE(!found || *found == kCard) << text;
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
