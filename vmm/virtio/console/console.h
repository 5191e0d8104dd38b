// virtio-console with one port (virtio 1.2, 5.3).
//
// A guest may spin until its output is taken (Linux's hvc does, under a lock), so output is taken
// at once, whatever becomes of it: it goes through a bounded ring whose oldest bytes make way,
// counted, when the descriptor takes none. A file is always a little behind: it holds the guest
// back when the ring is half full, but not for longer than a serial port would. What is left in the
// ring when the device goes is written with the same patience. Input waits in a bounded buffer
// until the guest gives it room and has said something: Linux's driver gives room before it is
// ready, and drops what comes until then.
//
// Threads: Input from any; the rest as Device says.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/log.h"
#include "vmm/event_loop.h"
#include "vmm/virtio/console/output.h"
#include "vmm/virtio/device.h"

namespace vmm::virtio {

struct ConsoleOptions {
  base::Fd output;
  std::string name;  // the output's, for messages
  uint16_t columns = 80;
  uint16_t rows = 25;
};

class Console final : public Device {
 public:
  static constexpr size_t kMostInput = size_t{64} << 10;

  static base::Result<std::unique_ptr<Console>> Create(ConsoleOptions options);
  // In the place of the options' output.
  static base::Result<std::unique_ptr<Console>> Create(ConsoleOptions options,
                                                       std::unique_ptr<ConsoleOutput> output);
  class Key;
  Console(Key key, ConsoleOptions options, std::unique_ptr<ConsoleOutput> output,
          base::EventFd wake);  // for Create alone
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console() override;

  // How many bytes it takes: all that there is room for.
  size_t Input(std::span<const uint8_t> bytes);
  // On the I/O thread.
  void Resize(uint16_t columns, uint16_t rows);
  uint64_t dropped() const { return ring_.dropped(); }

  const DeviceModel& model() const override { return model_; }
  void Attach(ChangeConfig change) override { change_config_ = std::move(change); }
  void WriteConfig(uint64_t offset, Width width, uint64_t value) override;
  base::Status Start(uint64_t features, EventLoop& loop) override;
  void OnQueueStart(Worker& worker) override;
  void OnQueueEnd(uint16_t queue) override;
  bool Wants(Worker& worker) override;
  void Handle(Worker& worker, const Chain& chain) override;
  void Submit() override { Drain(); }
  void Stop() override;

 private:
  static constexpr uint16_t kReceive = 0;
  // Of a request: of a longer one the end.
  static constexpr uint64_t kMostOutput = uint64_t{1} << 20;
  void OnInput();
  void Listens();
  void HandleOutput(Worker& worker, const Chain& chain);
  void HandleInput(Worker& worker, const Chain& chain);
  bool HoldsBack();
  void Drain();
  void OnReady();
  void OnPatienceOver();
  void GoOn();
  void TakeOut();
  void TellDropped();

  const std::string name_;
  const std::unique_ptr<ConsoleOutput> output_;
  DeviceModel model_;
  ChangeConfig change_config_;
  OutputRing ring_;
  uint64_t told_ = 0;  // of the bytes that were dropped
  base::Limited log_;
  EventLoop* loop_ = nullptr;  // while it is started
  Worker* receive_ = nullptr;
  Worker* transmit_ = nullptr;
  base::EventFd wake_;  // input has come
  std::mutex mutex_;    // of the input
  std::deque<std::byte> input_;
  Watch input_watch_;
  Watch output_watch_;
  std::unique_ptr<Timer> silence_;
  std::unique_ptr<Timer> patience_;
  bool listens_ = false;  // the guest
  bool waiting_ = false;  // for the output
  bool held_ = false;     // the guest's output
  bool stalled_ = false;  // the output: the guest is not held back until it takes some again
};

}  // namespace vmm::virtio
