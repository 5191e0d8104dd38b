// What a machine's devices have to do with its balloon.
#include "vmm/guest_devices.h"

namespace vmm {

// The balloon speaks on the devices' thread, and as often as its guest likes.
BalloonSetup GuestDevices::SetUpBalloon() {
  BalloonSetup setup;
  setup.ram = &ram_;
  setup.wiring.changed = [this](uint64_t) {
    if (!wiring_.balloon_changed || balloon_changes_.exchange(true)) return;
    wiring_.loop->Post([this] {
      balloon_changes_ = false;
      wiring_.balloon_changed();
    });
  };
  setup.wiring.stuck = [this](const base::Error& why) {
    if (wiring_.balloon_stuck) wiring_.loop->Post([this, why] { wiring_.balloon_stuck(why); });
  };
  setup.wiring.lost = [this](const base::Error& why) {
    if (wiring_.ram_lost) wiring_.loop->Post([this, why] { wiring_.ram_lost(why); });
  };
  return setup;
}

base::Result<GuestDevices::BalloonView> GuestDevices::balloon() const {
  const auto state = emulated_->balloon();
  if (!state) {
    return base::Fail(base::Code::kNotFound, "the machine has no balloon",
                      "start it with --balloon");
  }
  BalloonView view{*state, ram_.state(), {}};
  for (const Plugged& one : plugged_) view.devices.push_back(one.device->address().ToString());
  return view;
}

base::Status GuestDevices::SetBalloon(uint64_t pages) {
  if (!TRY(balloon()).balloon.driver) {
    return base::Fail(base::Code::kUnfit, "balloon: the guest has no driver that works with it",
                      "a Linux guest needs virtio_balloon");
  }
  emulated_->WithBalloon(
      [pages](virtio::Balloon& balloon) { balloon.SetTarget(static_cast<uint32_t>(pages)); });
  return {};
}

void GuestDevices::AskForStatistics() {
  emulated_->WithBalloon([](virtio::Balloon& balloon) { balloon.AskForStatistics(); });
}

}  // namespace vmm
