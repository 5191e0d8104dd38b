#include "vmm/devices/power.h"

#include <chrono>
#include <utility>

namespace vmm {
namespace {

constexpr uint64_t kStatus = kPm1EventPort - kPmRegistersBase;
constexpr uint64_t kEnable = kStatus + 2;
constexpr uint64_t kControl = kPm1ControlPort - kPmRegistersBase;
constexpr uint64_t kTimer = kPmTimerPort - kPmRegistersBase;

constexpr uint16_t kPowerButton = 1 << 8;  // in status and enable alike
constexpr uint16_t kSciEnabled = 1 << 0;
constexpr uint16_t kSleepEnable = 1 << 13;
constexpr unsigned kSleepTypeShift = 10;
constexpr uint16_t kSleepTypeMask = 7;

uint64_t MonotonicNanoseconds() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

uint8_t ByteOf(uint32_t value, uint64_t index) {
  return static_cast<uint8_t>(value >> (8 * index));
}

uint16_t WithByte(uint16_t value, uint64_t index, uint8_t byte) {
  const unsigned shift = 8 * static_cast<unsigned>(index);
  return static_cast<uint16_t>((value & ~(0xffu << shift)) | unsigned{byte} << shift);
}

bool Within(uint64_t offset, uint64_t base, uint64_t size) {
  return offset >= base && offset - base < size;
}

}  // namespace

uint32_t PmTimerTicks(uint64_t nanoseconds) {
  constexpr uint64_t kFrequency = 3579545;
  constexpr uint64_t kSecond = 1'000'000'000;
  return static_cast<uint32_t>(nanoseconds / kSecond * kFrequency +
                               nanoseconds % kSecond * kFrequency / kSecond);
}

Power::Power(PowerWiring wiring) : wiring_(std::move(wiring)) {}

uint32_t Power::TimerTicks() const {
  return PmTimerTicks(wiring_.clock ? wiring_.clock() : MonotonicNanoseconds());
}

uint64_t Power::Read(Access access) {
  // One moment for all bytes of the timer.
  const uint32_t timer = TimerTicks();
  const std::lock_guard lock(mutex_);
  uint64_t value = 0;
  for (unsigned i = 0; i < access.bytes(); ++i) {
    value |= uint64_t{ReadByteLocked(access.offset + i, timer)} << (8 * i);
  }
  return value;
}

uint8_t Power::ReadByteLocked(uint64_t offset, uint32_t timer) const {
  if (Within(offset, kStatus, 2)) return ByteOf(status_, offset - kStatus);
  if (Within(offset, kEnable, 2)) return ByteOf(enable_, offset - kEnable);
  if (Within(offset, kControl, 2)) return ByteOf(control_ | kSciEnabled, offset - kControl);
  if (Within(offset, kTimer, 4)) return ByteOf(timer, offset - kTimer);
  return 0;
}

void Power::Write(Access access, uint64_t value) {
  bool off = false;
  {
    const std::lock_guard lock(mutex_);
    for (unsigned i = 0; i < access.bytes(); ++i) {
      off |= WriteByteLocked(access.offset + i, static_cast<uint8_t>(value >> (8 * i)));
    }
    UpdateInterruptLocked();
  }
  if (off) wiring_.request({MachineRequest::Kind::kPowerOff, "the guest powered off (ACPI S5)"});
}

bool Power::WriteByteLocked(uint64_t offset, uint8_t value) {
  if (Within(offset, kStatus, 2)) {  // writing one clears
    const uint16_t clear = WithByte(0, offset - kStatus, value);
    status_ = static_cast<uint16_t>(status_ & ~clear);
  } else if (Within(offset, kEnable, 2)) {
    enable_ = WithByte(enable_, offset - kEnable, value);
  } else if (Within(offset, kControl, 2)) {
    const uint16_t written = WithByte(control_, offset - kControl, value);
    control_ = static_cast<uint16_t>(written & ~kSleepEnable);  // reads as 0
    return (written & kSleepEnable) != 0 &&
           ((written >> kSleepTypeShift) & kSleepTypeMask) == kSleepTypeS5;
  }
  return false;
}

void Power::UpdateInterruptLocked() {
  const bool level = (status_ & enable_) != 0;
  if (std::exchange(level_, level) != level && wiring_.interrupt) wiring_.interrupt(level);
}

void Power::PowerButton() {
  const std::lock_guard lock(mutex_);
  status_ |= kPowerButton;
  UpdateInterruptLocked();
}

}  // namespace vmm
