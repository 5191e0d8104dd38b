#include "vmm/pci/slot.h"

#include <gtest/gtest.h>

namespace vmm::pci {
namespace {

// Slot control and status (PCIe 6.0, 7.5.3.10 and 7.5.3.11).
constexpr uint16_t kButton = 1 << 0;
constexpr uint16_t kPresenceChanged = 1 << 3;
constexpr uint16_t kInterruptEnable = 1 << 5;
constexpr uint16_t kPresence = 1 << 6;
constexpr uint16_t kLinkChanged = 1 << 8;
constexpr uint16_t kPowerOff = 1 << 10;
constexpr uint16_t kLinkChangedEnable = 1 << 12;

TEST(Slot, ACardHasPowerAfterAReset) {
  EXPECT_TRUE(Slot(true).link_active());
  EXPECT_EQ(Slot(true).status(), kPresence);
  EXPECT_FALSE(Slot(false).link_active());
  EXPECT_EQ(Slot(false).control() & kPowerOff, kPowerOff);
}

TEST(Slot, ACardThatComesWaitsForPower) {
  Slot slot(false);
  slot.Insert();
  EXPECT_EQ(slot.status(), kPresence | kPresenceChanged | kLinkChanged);
  EXPECT_FALSE(slot.link_active());
  EXPECT_EQ(slot.WriteControl(0), Slot::Power::kOn);
  EXPECT_TRUE(slot.link_active());
  EXPECT_EQ(slot.status(), kPresence | kPresenceChanged | kLinkChanged);
}

TEST(Slot, ACardThatComesToASlotWithPowerIsThere) {
  Slot slot(false);
  EXPECT_EQ(slot.WriteControl(0), Slot::Power::kOn);
  EXPECT_EQ(slot.status(), 0);  // no card, no link
  slot.Insert();
  EXPECT_TRUE(slot.link_active());
}

TEST(Slot, PowerGoesOffOnce) {
  Slot slot(true);
  EXPECT_EQ(slot.WriteControl(kPowerOff), Slot::Power::kOff);
  EXPECT_EQ(slot.WriteControl(kPowerOff), Slot::Power::kUnchanged);
  EXPECT_EQ(slot.status(), kPresence | kLinkChanged);
  slot.Remove();
  EXPECT_EQ(slot.status(), kPresenceChanged | kLinkChanged);
}

TEST(Slot, EventsAreClearedByOnes) {
  Slot slot(true);
  slot.PressButton();
  slot.Remove();
  slot.ClearEvents(kButton | kPresence);
  EXPECT_EQ(slot.status(), kPresenceChanged | kLinkChanged);
}

TEST(Slot, APressThatNobodyHasHeardIsTakenBack) {
  Slot slot(true);
  slot.PressButton();
  slot.TakeBackPress();
  EXPECT_EQ(slot.status(), kPresence);
}

// Linux switches the indicator to blinking when it hears of the press.
TEST(Slot, APressThatWasHeardIsTakenBackByAnother) {
  constexpr uint16_t kBlinks = 2 << 8;
  constexpr uint16_t kSteady = 1 << 8;
  Slot slot(true);
  slot.PressButton();
  slot.ClearEvents(kButton);
  slot.WriteControl(kBlinks);
  slot.TakeBackPress();
  EXPECT_EQ(slot.status(), kPresence | kButton);
  slot.ClearEvents(kButton);
  slot.WriteControl(kSteady);
  slot.TakeBackPress();
  EXPECT_EQ(slot.status(), kPresence);
}

TEST(Slot, InterruptsByWhatIsEnabled) {
  Slot slot(true);
  slot.PressButton();
  EXPECT_FALSE(slot.interrupt());
  slot.WriteControl(kButton);
  EXPECT_FALSE(slot.interrupt());
  slot.WriteControl(kInterruptEnable);
  EXPECT_FALSE(slot.interrupt());
  slot.WriteControl(kInterruptEnable | kButton);
  EXPECT_TRUE(slot.interrupt());
  slot.ClearEvents(kButton);
  EXPECT_FALSE(slot.interrupt());
  slot.Remove();
  EXPECT_FALSE(slot.interrupt());
  slot.WriteControl(kInterruptEnable | kLinkChangedEnable);
  EXPECT_TRUE(slot.interrupt());
}

}  // namespace
}  // namespace vmm::pci
