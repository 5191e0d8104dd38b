#include "vmm/standby.h"

#include <gtest/gtest.h>

#include <random>

namespace vmm {
namespace {

using Action = Standby::Action;
using Primary = Standby::Primary;

TEST(Standby, IsHiddenUntilADriverAsks) {
  Standby pair(true);
  EXPECT_EQ(pair.primary(), Primary::kHidden);
  EXPECT_FALSE(pair.address());
  EXPECT_EQ(pair.DriverCame(false), Action::kNone);
  EXPECT_EQ(pair.DriverCame(true), Action::kPlug);
  EXPECT_TRUE(pair.address());
  EXPECT_TRUE(pair.link_up());
  EXPECT_EQ(pair.DriverCame(true), Action::kNone);
}

Standby Working() {
  Standby pair(true);
  EXPECT_EQ(pair.DriverCame(true), Action::kPlug);
  pair.Mastering(true);
  return pair;
}

TEST(Standby, TheLinkIsDownWhileTheGuestUsesThePrimary) {
  Standby pair = Working();
  EXPECT_FALSE(pair.link_up());
  pair.Mastering(false);  // its driver was unloaded
  EXPECT_TRUE(pair.link_up());
  pair.Mastering(true);
  pair.Asked();
  EXPECT_TRUE(pair.link_up()) << "up before the primary goes";
  EXPECT_TRUE(pair.address());
}

TEST(Standby, AGuestThatKeepsItGoesOnWithIt) {
  Standby pair = Working();
  pair.Asked();
  pair.Kept();
  EXPECT_EQ(pair.primary(), Primary::kPlugged);
  EXPECT_FALSE(pair.link_up());
  pair.Out();
  pair.Kept();
  EXPECT_EQ(pair.primary(), Primary::kClosing);
}

TEST(Standby, LeavesAndComesBackByCommand) {
  Standby pair = Working();
  pair.Asked();
  pair.Out();
  EXPECT_TRUE(pair.address()) << "until it is closed";
  EXPECT_EQ(pair.Closed(), Action::kNone);
  EXPECT_EQ(pair.primary(), Primary::kAbsent);
  EXPECT_FALSE(pair.address());
  EXPECT_EQ(pair.DriverCame(true), Action::kNone);
  EXPECT_EQ(pair.Wanted(), Action::kPlug);
}

TEST(Standby, WantedWhileItIsClosedItComesAfterwards) {
  Standby pair = Working();
  pair.Out();
  EXPECT_EQ(pair.Wanted(), Action::kNone);
  EXPECT_EQ(pair.Closed(), Action::kPlug);
}

TEST(Standby, AResetTakesItOutUntilTheNextDriver) {
  Standby pair = Working();
  EXPECT_EQ(pair.MachineReset(), Action::kTakeOut);
  pair.Out();
  EXPECT_EQ(pair.DriverCame(true), Action::kNone) << "not closed yet";
  EXPECT_EQ(pair.Closed(), Action::kPlug);
  pair.Mastering(true);
  EXPECT_EQ(pair.MachineReset(), Action::kTakeOut);
  pair.Out();
  EXPECT_EQ(pair.Closed(), Action::kNone);
  EXPECT_EQ(pair.primary(), Primary::kHidden);
  EXPECT_EQ(pair.DriverCame(true), Action::kPlug);
}

TEST(Standby, WhatWasAskedToLeaveStaysOutAfterAReset) {
  Standby pair = Working();
  pair.Asked();
  EXPECT_EQ(pair.MachineReset(), Action::kTakeOut);
  pair.Out();
  EXPECT_EQ(pair.Closed(), Action::kNone);
  EXPECT_EQ(pair.primary(), Primary::kAbsent);
}

TEST(Standby, AFailedPlugIsTriedAgainByCommandAlone) {
  Standby pair(true);
  EXPECT_EQ(pair.DriverCame(true), Action::kPlug);
  pair.PlugFailed();
  EXPECT_FALSE(pair.address());
  EXPECT_TRUE(pair.link_up());
  EXPECT_EQ(pair.DriverCame(true), Action::kNone);
  EXPECT_EQ(pair.Wanted(), Action::kPlug);
}

// Whatever happens in whatever order: it is never plugged when the driver does not know, the link
// is up whenever nobody uses the primary, and the address is not left behind.
TEST(Standby, HoldsItsRulesInAnyOrderOfEvents) {
  std::mt19937 random(1);
  for (unsigned game = 0; game < 2000; ++game) {
    Standby pair((game & 1) != 0);
    bool knows = false;
    for (unsigned step = 0; step < 40; ++step) {
      Action action = Action::kNone;
      switch (random() % 8) {
        case 0:
          knows = random() % 2 != 0;
          action = pair.DriverCame(knows);
          break;
        case 1:
          pair.Mastering(random() % 2 != 0);
          break;
        case 2:
          action = pair.MachineReset();
          knows = false;
          break;
        case 3:
          action = pair.Wanted();
          break;
        case 4:
          pair.Asked();
          break;
        case 5:
          pair.Out();
          break;
        case 6:
          action = pair.Closed();
          break;
        default:
          if (pair.primary() == Primary::kPlugged) pair.PlugFailed();
      }
      if (action == Action::kPlug) {
        ASSERT_TRUE(knows);
        ASSERT_EQ(pair.primary(), Primary::kPlugged);
      }
      const bool inside = pair.primary() != Primary::kAbsent && pair.primary() != Primary::kHidden;
      ASSERT_EQ(pair.address(), inside);
      ASSERT_TRUE(pair.link_up() || pair.primary() == Primary::kPlugged);
    }
  }
}

}  // namespace
}  // namespace vmm
