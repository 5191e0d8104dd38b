#include "vmm/devices/reset.h"

namespace vmm {
namespace {

constexpr uint64_t kResetNow = 1 << 2;  // a rising edge on hardware; Linux writes 0x02, then 0x06
constexpr uint64_t kPulseReset = 0xfe;
constexpr uint64_t kOutputFullInputEmpty = 0x01;

}  // namespace

uint64_t ResetControl::Read(Access) { return 0; }

void ResetControl::Write(Access, uint64_t value) {
  if ((value & kResetNow) == 0) return;
  request_({MachineRequest::Kind::kReset, "the guest reset the machine (port 0xcf9)"});
}

uint64_t KeyboardReset::Read(Access) { return kOutputFullInputEmpty; }

void KeyboardReset::Write(Access, uint64_t value) {
  if (value != kPulseReset) return;
  request_({MachineRequest::Kind::kReset, "the guest reset the machine (port 0x64)"});
}

}  // namespace vmm
