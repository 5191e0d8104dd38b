#include "vmm/devices/serial.h"

#include <algorithm>
#include <utility>

namespace vmm {
namespace {

enum Register : uint64_t {
  kData = 0,             // divisor low when selected
  kInterruptEnable = 1,  // divisor high when selected
  kIdentify = 2,         // FIFO control on write
  kLineControl = 3,
  kModemControl = 4,
  kLineStatus = 5,
  kModemStatus = 6,
  kScratch = 7,
};

constexpr uint8_t kEnableReceived = 0x01;
constexpr uint8_t kEnableTransmitter = 0x02;
constexpr uint8_t kEnableLineStatus = 0x04;
constexpr uint8_t kEnableMask = 0x0f;

constexpr uint8_t kNoInterrupt = 0x01;
constexpr uint8_t kTransmitterEmpty = 0x02;
constexpr uint8_t kReceivedData = 0x04;
constexpr uint8_t kLineStatusChange = 0x06;
constexpr uint8_t kFifosEnabled = 0xc0;

constexpr uint8_t kFifoEnable = 0x01;
constexpr uint8_t kFifoClearReceiver = 0x02;

constexpr uint8_t kDivisorSelect = 0x80;

constexpr uint8_t kRequestToSend = 0x02;
constexpr uint8_t kLoopback = 0x10;
constexpr uint8_t kModemControlMask = 0x1f;

constexpr uint8_t kDataReady = 0x01;
constexpr uint8_t kOverrun = 0x02;
constexpr uint8_t kBothEmpty = 0x60;

constexpr uint8_t kConnected = 0xb0;  // carrier, data set ready, clear to send

constexpr size_t kFifoDepth = 16;

}  // namespace

Serial::Serial(std::string name, SerialWiring wiring)
    : name_(std::move(name)), wiring_(std::move(wiring)) {}

Serial::~Serial() { Flush(); }

bool Serial::divisor_selected() const { return (line_control_ & kDivisorSelect) != 0; }

uint64_t Serial::Read(Access access) {
  // What the transmitter holds goes out before the guest looks whether it is empty.
  if (access.offset <= kLineStatus && access.offset + access.bytes() > kIdentify) Flush();
  const std::lock_guard lock(mutex_);
  uint64_t value = 0;
  // A wider access is one of each byte, as on the bus of a PC.
  for (unsigned i = 0; i < access.bytes(); ++i) {
    value |= uint64_t{ReadByteLocked(access.offset + i)} << (8 * i);
  }
  UpdateInterruptLocked();
  return value;
}

void Serial::Write(Access access, uint64_t value) {
  bool flush = false;
  {
    const std::lock_guard lock(mutex_);
    for (unsigned i = 0; i < access.bytes(); ++i) {
      flush |= WriteByteLocked(access.offset + i, static_cast<uint8_t>(value >> (8 * i)));
    }
    UpdateInterruptLocked();
  }
  if (flush) Flush();
}

uint8_t Serial::ReadByteLocked(uint64_t offset) {
  switch (offset) {
    case kData:
      return divisor_selected() ? static_cast<uint8_t>(divisor_) : TakeReceivedLocked();
    case kInterruptEnable:
      return divisor_selected() ? static_cast<uint8_t>(divisor_ >> 8) : interrupt_enable_;
    case kIdentify:
      return IdentifyInterruptLocked();
    case kLineControl:
      return line_control_;
    case kModemControl:
      return modem_control_;
    case kLineStatus:
      return LineStatusLocked();
    case kModemStatus:
      return ModemStatusLocked();
    case kScratch:
      return scratch_;
    default:
      return 0xff;
  }
}

bool Serial::WriteByteLocked(uint64_t offset, uint8_t value) {
  switch (offset) {
    case kData:
      if (!divisor_selected()) return TransmitLocked(value);
      divisor_ = static_cast<uint16_t>((divisor_ & 0xff00) | value);
      return false;
    case kInterruptEnable: {
      if (divisor_selected()) {
        divisor_ = static_cast<uint16_t>((divisor_ & 0x00ff) | value << 8);
        return false;
      }
      const uint8_t rising = static_cast<uint8_t>(value & ~interrupt_enable_);
      interrupt_enable_ = value & kEnableMask;
      // Enabling the interrupt while the register is empty raises it (Linux tests for this).
      if ((rising & kEnableTransmitter) != 0) transmitter_event_ = true;
      return !held_.empty();
    }
    case kIdentify:
      WriteFifoControlLocked(value);
      return false;
    case kLineControl:
      line_control_ = value;
      return false;
    case kModemControl:
      modem_control_ = value & kModemControlMask;
      RefillLocked();
      return false;
    case kScratch:
      scratch_ = value;
      return false;
    default:
      return false;
  }
}

uint8_t Serial::TakeReceivedLocked() {
  if (fifo_.empty()) return 0;
  const uint8_t value = fifo_.front();
  fifo_.pop_front();
  RefillLocked();
  return value;
}

bool Serial::TransmitLocked(uint8_t value) {
  transmitter_event_ = true;
  if ((modem_control_ & kLoopback) != 0) {
    if (fifo_.size() < kFifoDepth) {
      fifo_.push_back(value);
    } else {
      overrun_ = true;
    }
    return false;
  }
  held_.push_back(value);
  return (interrupt_enable_ & kEnableTransmitter) == 0 || held_.size() >= kFifoDepth;
}

uint8_t Serial::IdentifyInterruptLocked() {
  const uint8_t fifos = fifo_enabled_ ? kFifosEnabled : 0;
  if ((interrupt_enable_ & kEnableLineStatus) != 0 && overrun_) return fifos | kLineStatusChange;
  if ((interrupt_enable_ & kEnableReceived) != 0 && !fifo_.empty()) return fifos | kReceivedData;
  if ((interrupt_enable_ & kEnableTransmitter) != 0 && transmitter_event_) {
    transmitter_event_ = false;
    return fifos | kTransmitterEmpty;
  }
  return fifos | kNoInterrupt;
}

void Serial::WriteFifoControlLocked(uint8_t value) {
  const bool enable = (value & kFifoEnable) != 0;
  if ((value & kFifoClearReceiver) != 0 || enable != fifo_enabled_) fifo_.clear();
  fifo_enabled_ = enable;
  RefillLocked();
}

uint8_t Serial::LineStatusLocked() {
  const bool overrun = std::exchange(overrun_, false);
  return static_cast<uint8_t>(kBothEmpty | (fifo_.empty() ? 0 : kDataReady) |
                              (overrun ? kOverrun : 0));
}

uint8_t Serial::ModemStatusLocked() const {
  if ((modem_control_ & kLoopback) == 0) return kConnected;
  // Data terminal ready, request to send, out 1 and out 2 come back as data set ready, clear to
  // send, ring and carrier.
  const unsigned control = modem_control_;
  return static_cast<uint8_t>((control & 0x01) << 5 | (control & 0x02) << 3 |
                              (control & 0x0c) << 4);
}

void Serial::RefillLocked() {
  if ((modem_control_ & (kRequestToSend | kLoopback)) != kRequestToSend) return;
  const size_t depth = fifo_enabled_ ? kFifoDepth : 1;
  while (fifo_.size() < depth && !input_.empty()) {
    fifo_.push_back(input_.front());
    input_.pop_front();
  }
}

void Serial::UpdateInterruptLocked() {
  const bool level = ((interrupt_enable_ & kEnableReceived) != 0 && !fifo_.empty()) ||
                     ((interrupt_enable_ & kEnableTransmitter) != 0 && transmitter_event_) ||
                     ((interrupt_enable_ & kEnableLineStatus) != 0 && overrun_);
  if (std::exchange(level_, level) != level && wiring_.interrupt) wiring_.interrupt(level);
}

size_t Serial::Input(std::span<const uint8_t> bytes) {
  const std::lock_guard lock(mutex_);
  const size_t count = std::min(bytes.size(), kInputLimit - std::min(kInputLimit, input_.size()));
  input_.insert(input_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
  RefillLocked();
  UpdateInterruptLocked();
  return count;
}

void Serial::Flush() {
  const std::lock_guard order(output_order_);
  std::vector<uint8_t> bytes;
  {
    const std::lock_guard lock(mutex_);
    bytes.swap(held_);
  }
  if (!bytes.empty() && wiring_.output) wiring_.output(bytes);
}

}  // namespace vmm
