// Where the guest's console and serial ports lead: the terminal, files, and the channels of
// `--exec`.
//
// The console is COM1 or a virtio device. Without --exec it is standard input and output (raw on a
// terminal) or, for the output, the console file. With it, COM2 is standard output, COM3 standard
// error, COM4 the status, and the console goes to its file or to standard error; there is no input.
// What a guest says on COM1 beside a virtio console goes to the same place.
//
// Threads: outputs are called from vCPU threads; everything else from the event loop's.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/devices/fd_sink.h"
#include "vmm/escape.h"
#include "vmm/event_loop.h"
#include "vmm/guest/exec_channel.h"
#include "vmm/options.h"
#include "vmm/platform.h"
#include "vmm/terminal.h"
#include "vmm/virtio/console/console.h"

namespace vmm {

using SerialOutput = std::function<void(std::span<const uint8_t>)>;
// The guest's end of the console's input: how many bytes it takes, from the front; the rest is
// offered again.
using InputTaker = std::function<size_t(std::span<const uint8_t>)>;

class Console {
 public:
  // kUsage when the console file cannot be written. `quit` is called for Ctrl-A X. The loop and
  // what `quit` needs outlive it.
  static base::Result<std::unique_ptr<Console>> Create(EventLoop& loop, const Options& options,
                                                       std::function<void()> quit);
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console() = default;

  // Outlived by the console.
  std::array<SerialOutput, kSerialPorts.size()> outputs();
  // What a virtio console is made of.
  base::Result<virtio::ConsoleOptions> VirtioOptions() const;
  // Of the terminal that it writes to. Nothing when that is something else.
  std::optional<TerminalSize> size() const;

  // Input goes to `taker` until Disconnect; what comes meanwhile is kept.
  void Connect(InputTaker taker);
  void Disconnect();

  // Whether the guest has begun with the command of --exec since Connect (true without --exec): a
  // kernel that panics before would reset for ever.
  bool reached_command();

  // The status of the guest's command, or why there is none.
  base::Result<int> ExecStatus();

 private:
  Console(EventLoop& loop, std::function<void()> quit) : loop_(&loop), quit_(std::move(quit)) {}
  base::Status OpenOutputs(const Options& options);
  base::Status OpenInput();
  void ReadInput();
  void Deliver();

  EventLoop* loop_;
  std::function<void()> quit_;
  std::array<std::unique_ptr<FdSink>, kSerialPorts.size()> sinks_;  // by port, some empty
  std::mutex exec_mutex_;  // of the channel, which is new for each board
  std::optional<guest::ExecChannel> exec_;
  EscapeParser escape_;
  std::vector<uint8_t> waiting_;  // input that the guest has not taken
  InputTaker taker_;
  base::Fd input_;
  std::optional<RawTerminal> terminal_;
  Watch watch_;
  std::unique_ptr<Timer> retry_;
};

}  // namespace vmm
