// What a machine waits for at its hot-plug ports: a guest that was asked to let go of a card, and
// one that has not switched a new card on yet.
//
// A value: events and the time come in, what is due comes out. Ports by their devfn.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace vmm {

class PortWaits {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // After what time, and how often, a guest is told again of a card that it has not switched on
  // (Slot::Announce says why).
  static constexpr std::chrono::seconds kAgain{2};
  static constexpr unsigned kAnnouncements = 5;

  // What to do now.
  struct Due {
    std::vector<uint8_t> take_out;  // the guest's time is over
    std::vector<uint8_t> keep;      // so it is, and the guest keeps its card
    std::vector<uint8_t> announce;
    bool operator==(const Due&) const = default;
  };

  void CardCame(uint8_t port, Time now);
  // The guest has let go of nothing by then: the card is taken, or kept. Each has its own end, and
  // an earlier one stays.
  enum class AtEnd : uint8_t { kTake, kKeep };
  void Asked(uint8_t port, Time end, AtEnd at_end = AtEnd::kTake);
  // Whether its card is taken by then or sooner.
  bool LeavesBy(uint8_t port, Time end) const;
  // The guest has switched the card on.
  void CardWorks(uint8_t port);
  void CardWent(uint8_t port);

  // When to call TakeDue; nothing when there is nothing to wait for.
  std::optional<Time> next() const;
  // A port whose card is to be taken is forgotten with CardWent, one that keeps it at once.
  Due TakeDue(Time now);

 private:
  struct Leaving {
    uint8_t port;
    Time end;
    AtEnd at_end;
  };
  struct Arriving {
    uint8_t port;
    Time next;
    unsigned left;
  };
  std::vector<Leaving> leaving_;
  std::vector<Arriving> arriving_;
};

}  // namespace vmm
