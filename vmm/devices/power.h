// ACPI fixed hardware: PM1 event and control block, power button, power management timer (ACPI 6.5,
// 4.8.3).
//
// The machine is always in ACPI mode (SCI_EN reads 1; there is no SMI command port). Not there: the
// timer's carry interrupt, RTC and global-lock events; their status bits never set.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

#include "vmm/io.h"
#include "vmm/platform.h"
#include "vmm/request.h"

namespace vmm {

struct PowerWiring {
  std::function<void(bool level)> interrupt;  // the SCI, called at changes only
  RequestHandler request;
  // Nanoseconds of a clock that never goes back; empty for the host's monotonic clock.
  std::function<uint64_t()> clock;
};

// Attached at kPmRegistersBase. Threads: PowerButton from any.
class Power final : public IoDevice {
 public:
  explicit Power(PowerWiring wiring);

  std::string_view name() const override { return "power"; }
  uint64_t Read(Access access) override;
  void Write(Access access, uint64_t value) override;

  // Somebody pressed it: the guest's operating system is asked to shut down.
  void PowerButton();

 private:
  uint8_t ReadByteLocked(uint64_t offset, uint32_t timer) const;
  // Whether the guest asks for power off.
  bool WriteByteLocked(uint64_t offset, uint8_t value);
  void UpdateInterruptLocked();
  uint32_t TimerTicks() const;

  const PowerWiring wiring_;
  std::mutex mutex_;
  uint16_t status_ = 0;
  uint16_t enable_ = 0;
  uint16_t control_ = 0;
  bool level_ = false;
};

// Ticks of the 3.579545 MHz timer, 32 bits wide. Pure.
uint32_t PmTimerTicks(uint64_t nanoseconds);

}  // namespace vmm
