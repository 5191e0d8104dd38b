#include "vmm/pci/slot.h"

#include "sysfs/pci_registers.h"

namespace vmm::pci {
namespace {

namespace express = sysfs::registers::express;

constexpr auto kPresenceChanged = static_cast<uint16_t>(express::PresenceChanged::kMask);
constexpr auto kLinkChanged = static_cast<uint16_t>(express::LinkStateChanged::kMask);
static_assert(Slot::kEvents == (express::AttentionButton::kMask | kPresenceChanged | kLinkChanged));

constexpr uint16_t kIndicatorBlinks = 2;

uint16_t InitialControl(bool occupied) {
  uint16_t control = express::AttentionIndicator::Set(uint16_t{0}, express::kIndicatorOff);
  control = express::PowerIndicator::Set(control,
                                         occupied ? express::kIndicatorOn : express::kIndicatorOff);
  return express::PowerOff::Set(control, occupied ? uint16_t{0} : uint16_t{1});
}

}  // namespace

Slot::Slot(bool occupied) : occupied_(occupied), control_(InitialControl(occupied)) {}

uint32_t Slot::Capabilities(unsigned number) {
  return static_cast<uint32_t>(
             express::HasAttentionButton::kMask | express::HasPowerController::kMask |
             express::HasAttentionIndicator::kMask | express::HasPowerIndicator::kMask |
             express::SurpriseRemoval::kMask | express::HotPlugCapable::kMask |
             express::NoCommandCompleted::kMask) |
         express::PhysicalSlot::Set(uint32_t{0}, number);
}

uint16_t Slot::status() const {
  return express::Presence::Set(events_, occupied_ ? uint16_t{1} : uint16_t{0});
}

bool Slot::link_active() const { return occupied_ && express::PowerOff::Get(control_) == 0; }

bool Slot::interrupt() const {
  if (express::HotPlugInterrupt::Get(control_) == 0) return false;
  const bool link =
      (events_ & kLinkChanged) != 0 && express::LinkStateChangedEnable::Get(control_) != 0;
  return link || (events_ & control_ & ~kLinkChanged & kEvents) != 0;
}

void Slot::NoteLink(bool before) {
  if (before != link_active()) events_ = static_cast<uint16_t>(events_ | kLinkChanged);
}

Slot::Power Slot::WriteControl(uint16_t value) {
  const bool before = link_active();
  const bool was_off = express::PowerOff::Get(control_) != 0;
  control_ = value & kWritableControl;
  const bool is_off = express::PowerOff::Get(control_) != 0;
  NoteLink(before);
  if (was_off == is_off) return Power::kUnchanged;
  return is_off ? Power::kOff : Power::kOn;
}

void Slot::ClearEvents(uint16_t ones) { events_ = static_cast<uint16_t>(events_ & ~ones); }

void Slot::TakeBackPress() {
  constexpr auto kPress = static_cast<uint16_t>(express::AttentionButton::kMask);
  if ((events_ & kPress) != 0) {
    events_ = static_cast<uint16_t>(events_ & ~kPress);
  } else if (express::PowerIndicator::Get(control_) == kIndicatorBlinks) {
    PressButton();
  }
}

void Slot::Insert() {
  occupied_ = true;
  Announce();
}

void Slot::Announce() {
  // With a button Linux listens to it and to the link alone, and waits five seconds after a press;
  // a link that stirs makes it look for a card at once.
  events_ = static_cast<uint16_t>(events_ | kPresenceChanged | kLinkChanged);
}

void Slot::Remove() {
  const bool before = link_active();
  occupied_ = false;
  events_ = static_cast<uint16_t>(events_ | kPresenceChanged);
  NoteLink(before);
}

}  // namespace vmm::pci
