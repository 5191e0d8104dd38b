#include "vmm/devices/cmos.h"

#include <chrono>
#include <utility>

namespace vmm {
namespace {

enum Register : uint8_t {
  kSeconds = 0x00,
  kMinutes = 0x02,
  kHours = 0x04,
  kWeekday = 0x06,
  kDay = 0x07,
  kMonth = 0x08,
  kYear = 0x09,
  kStatusA = 0x0a,
  kStatusB = 0x0b,
  kStatusC = 0x0c,
  kStatusD = 0x0d,
  kCentury = 0x32,
};

constexpr uint8_t kDividerRunning = 0x26;  // 32768 Hz, 1024 Hz rate, no update in progress
constexpr uint8_t k24Hours = 0x02;         // BCD
constexpr uint8_t kMemoryValid = 0x80;

uint8_t Bcd(int value) { return static_cast<uint8_t>(value / 10 % 10 << 4 | value % 10); }

}  // namespace

Cmos::Cmos(std::function<int64_t()> clock) : clock_(std::move(clock)) {}

uint64_t Cmos::Read(Access access) {
  const std::lock_guard lock(mutex_);
  uint64_t value = 0;
  for (unsigned i = 0; i < access.bytes(); ++i) {
    const uint8_t byte =
        access.offset + i == 1 ? ReadDataLocked() : 0xff;  // the index is write-only
    value |= uint64_t{byte} << (8 * i);
  }
  return value;
}

void Cmos::Write(Access access, uint64_t value) {
  const std::lock_guard lock(mutex_);
  for (unsigned i = 0; i < access.bytes(); ++i) {
    const auto byte = static_cast<uint8_t>(value >> (8 * i));
    if (access.offset + i == 0) {
      index_ = byte & 0x7f;  // bit 7 masks NMI
    } else {
      bytes_[index_] = byte;
    }
  }
}

uint8_t Cmos::ReadDataLocked() const {
  namespace chrono = std::chrono;
  // Not by gmtime_r, which reads the host's time zone file: a processor's thread opens nothing.
  const auto now = clock_ ? chrono::sys_seconds(chrono::seconds(clock_()))
                          : chrono::floor<chrono::seconds>(chrono::system_clock::now());
  const chrono::sys_days day = chrono::floor<chrono::days>(now);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss time_of_day(now - day);
  const int year = static_cast<int>(date.year());
  switch (index_) {
    case kSeconds:
      return Bcd(static_cast<int>(time_of_day.seconds().count()));
    case kMinutes:
      return Bcd(static_cast<int>(time_of_day.minutes().count()));
    case kHours:
      return Bcd(static_cast<int>(time_of_day.hours().count()));
    case kWeekday:
      return Bcd(static_cast<int>(chrono::weekday(day).c_encoding()) + 1);
    case kDay:
      return Bcd(static_cast<int>(static_cast<unsigned>(date.day())));
    case kMonth:
      return Bcd(static_cast<int>(static_cast<unsigned>(date.month())));
    case kYear:
      return Bcd(year % 100);
    case kCentury:
      return Bcd(year / 100);
    case kStatusA:
      return kDividerRunning;
    case kStatusB:
      return k24Hours;
    case kStatusC:
      return 0;
    case kStatusD:
      return kMemoryValid;
    default:
      return bytes_[index_];
  }
}

}  // namespace vmm
