#include "vmm/port_waits.h"

#include <algorithm>

namespace vmm {

void PortWaits::CardCame(uint8_t port, Time now) {
  arriving_.push_back({port, now + kAgain, kAnnouncements});
}

void PortWaits::Asked(uint8_t port, Time end, AtEnd at_end) {
  const auto known = std::find_if(leaving_.begin(), leaving_.end(), [&](const Leaving& one) {
    return one.port == port && one.at_end == at_end;
  });
  if (known == leaving_.end()) {
    leaving_.push_back({port, end, at_end});
  } else {
    known->end = std::min(known->end, end);
  }
}

bool PortWaits::LeavesBy(uint8_t port, Time end) const {
  return std::any_of(leaving_.begin(), leaving_.end(), [&](const Leaving& one) {
    return one.port == port && one.at_end == AtEnd::kTake && one.end <= end;
  });
}

void PortWaits::CardWorks(uint8_t port) {
  std::erase_if(arriving_, [&](const Arriving& one) { return one.port == port; });
}

void PortWaits::CardWent(uint8_t port) {
  std::erase_if(leaving_, [&](const Leaving& one) { return one.port == port; });
  CardWorks(port);
}

std::optional<PortWaits::Time> PortWaits::next() const {
  std::optional<Time> first;
  const auto note = [&](Time time) { first = first ? std::min(*first, time) : time; };
  for (const Leaving& one : leaving_) note(one.end);
  for (const Arriving& one : arriving_) note(one.next);
  return first;
}

PortWaits::Due PortWaits::TakeDue(Time now) {
  Due due;
  for (const Leaving& one : leaving_) {
    if (one.end > now) continue;
    (one.at_end == AtEnd::kTake ? due.take_out : due.keep).push_back(one.port);
  }
  std::erase_if(leaving_,
                [&](const Leaving& one) { return one.end <= now && one.at_end == AtEnd::kKeep; });
  for (Arriving& one : arriving_) {
    if (one.next > now) continue;
    due.announce.push_back(one.port);
    one.next = now + kAgain;
    --one.left;
  }
  std::erase_if(arriving_, [](const Arriving& one) { return one.left == 0; });
  return due;
}

}  // namespace vmm
