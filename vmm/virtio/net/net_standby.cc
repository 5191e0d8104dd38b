// What a network device does because it stands by for an assigned one.
#include <chrono>

#include "vmm/virtio/net/announcement.h"
#include "vmm/virtio/net/net.h"

namespace vmm::virtio {
namespace {

constexpr unsigned kAnnouncements = 3;
constexpr std::chrono::milliseconds kBetween{200};

}  // namespace

void Net::TellLink() {
  if (!change_config_) return;
  change_config_(NetConfig(shape_, on_wire_ && pairs_.front().port->connected()));
}

void Net::SetLink(bool up) {
  if (std::exchange(on_wire_, up) == up) return;
  Complain(pairs_.front().port->SetCarrier(up));
  TellLink();
  if (loop_ == nullptr) return;
  if (up) return GoOn();  // a guest that has given buffers meanwhile does not kick again
  for (Pair& pair : pairs_) Wait(pair);
}

void Net::Announce() {
  announcements_ = kAnnouncements;
  if (announce_) SendAnnouncement();
}

// While a frame of the guest waits for its turn there is none between: the next one tells the same.
void Net::SendAnnouncement() {
  Pair& pair = pairs_.front();
  if (announcements_ == 0) return;
  --announcements_;
  if (!pair.kept && on_wire_) {
    auto frame = AnnouncementOf(state_.mac);
    const iovec bytes{frame.data(), frame.size()};
    const Sent sent = pair.port->Send(NetHeader{}, {&bytes, 1});
    pair.kept = sent == Sent::kKept;
    if (sent == Sent::kChanged) return OnLink(pair);
    Wait(pair);
  }
  if (announcements_ != 0) Complain(announce_->Arm(kBetween));
}

}  // namespace vmm::virtio
