#include "vmm/standby.h"

namespace vmm {

Standby::Action Standby::Plug() {
  if (primary_ != Primary::kHidden || !knows_) return Action::kNone;
  primary_ = Primary::kPlugged;
  return Action::kPlug;
}

Standby::Action Standby::DriverCame(bool knows) {
  knows_ = knows;
  return Plug();
}

void Standby::Mastering(bool on) { mastering_ = on; }

// One that was asked to leave stays out.
Standby::Action Standby::MachineReset() {
  knows_ = mastering_ = false;
  if (primary_ == Primary::kPlugged) again_ = true;
  const bool inside = primary_ == Primary::kPlugged || primary_ == Primary::kLeaving;
  return inside ? Action::kTakeOut : Action::kNone;
}

Standby::Action Standby::Wanted() {
  if (primary_ == Primary::kClosing) again_ = true;
  if (primary_ == Primary::kAbsent) primary_ = Primary::kHidden;
  return Plug();
}

void Standby::PlugFailed() { primary_ = Primary::kAbsent; }

void Standby::Asked() {
  if (primary_ == Primary::kPlugged) primary_ = Primary::kLeaving;
}

void Standby::Kept() {
  if (primary_ == Primary::kLeaving) primary_ = Primary::kPlugged;
}

void Standby::Out() {
  mastering_ = false;
  if (address()) primary_ = Primary::kClosing;
}

Standby::Action Standby::Closed() {
  if (primary_ != Primary::kClosing) return Action::kNone;
  primary_ = again_ ? Primary::kHidden : Primary::kAbsent;
  again_ = false;
  return Plug();
}

}  // namespace vmm
