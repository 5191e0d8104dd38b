// Numbers that the seed alone decides (Knuth's linear congruential generator, MMIX).
#pragma once

#include <cstdint>

namespace guest {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t Next() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<uint32_t>(state_ >> 32);
  }
  uint32_t Below(uint32_t limit) { return Next() % limit; }

 private:
  uint64_t state_;
};

}  // namespace guest
