// A 16550A serial port (PC16550D data sheet; register numbers as in Linux's serial_reg.h).
//
// The transmitter takes a byte at once, so it is always empty and the baud rate is only remembered.
// While the guest has the transmitter-empty interrupt on, bytes are held until it comes back for
// that interrupt: one call of the output for each load of the FIFO instead of one for each byte.
//
// Input waits outside of the FIFO until the guest raises request-to-send, as behind a real cable
// with flow control: what is typed or piped in before the guest listens is not lost. The modem
// lines read as connected; their change interrupt does not exist.
//
// Threads: Read and Write from vCPU threads, Input and Flush from the event loop. The interrupt is
// called under the device's lock, the output outside of it, so that a slow output holds up nobody
// but the writer.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "vmm/io.h"

namespace vmm {

// Where the port's pins go.
struct SerialWiring {
  std::function<void(std::span<const uint8_t>)> output;
  std::function<void(bool level)> interrupt;  // called at changes only
};

class Serial final : public IoDevice {
 public:
  static constexpr uint64_t kPortCount = 8;
  static constexpr size_t kInputLimit = 4096;

  Serial(std::string name, SerialWiring wiring);
  Serial(const Serial&) = delete;
  Serial& operator=(const Serial&) = delete;
  ~Serial() override;

  std::string_view name() const override { return name_; }
  uint64_t Read(Access access) override;
  void Write(Access access, uint64_t value) override;

  // How many bytes were taken, from the front: the rest does not fit now.
  size_t Input(std::span<const uint8_t> bytes);
  // Hands out what is held; for a machine that stops.
  void Flush();

 private:
  uint8_t ReadByteLocked(uint64_t offset);
  // Whether held output must go out now.
  bool WriteByteLocked(uint64_t offset, uint8_t value);
  uint8_t TakeReceivedLocked();
  bool TransmitLocked(uint8_t value);
  uint8_t IdentifyInterruptLocked();
  void WriteFifoControlLocked(uint8_t value);
  uint8_t LineStatusLocked();
  uint8_t ModemStatusLocked() const;
  void RefillLocked();
  void UpdateInterruptLocked();
  bool divisor_selected() const;

  const std::string name_;
  const SerialWiring wiring_;

  std::mutex output_order_;  // taken before mutex_
  std::mutex mutex_;         // of everything below
  std::deque<uint8_t> input_;
  std::deque<uint8_t> fifo_;
  std::vector<uint8_t> held_;
  uint16_t divisor_ = 12;
  uint8_t interrupt_enable_ = 0;
  uint8_t line_control_ = 0;
  uint8_t modem_control_ = 0;
  uint8_t scratch_ = 0;
  bool fifo_enabled_ = false;
  bool overrun_ = false;
  bool transmitter_event_ = false;  // "holding register became empty", until it is identified
  bool level_ = false;
};

}  // namespace vmm
