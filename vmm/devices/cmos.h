// The real-time clock and its 128 bytes of memory at ports 0x70 and 0x71 (MC146818A).
//
// Time of day is the host's in UTC, in BCD and 24 hours. It cannot be set: a guest's write to the
// time is ignored. No alarm and no interrupt. An update is never in progress, so nobody waits.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>

#include "vmm/io.h"

namespace vmm {

inline constexpr uint16_t kCmosPorts = 0x70;  // index at +0, data at +1
inline constexpr uint64_t kCmosPortCount = 2;

class Cmos final : public IoDevice {
 public:
  // Seconds since 1970; empty for the host's clock.
  explicit Cmos(std::function<int64_t()> clock = {});

  std::string_view name() const override { return "real-time clock"; }
  uint64_t Read(Access access) override;
  void Write(Access access, uint64_t value) override;

 private:
  uint8_t ReadDataLocked() const;

  const std::function<int64_t()> clock_;
  std::mutex mutex_;
  uint8_t index_ = 0;
  std::array<uint8_t, 128> bytes_{};
};

}  // namespace vmm
