// The terminal in raw mode for the guest's console, and as it was afterwards.
//
// Input is raw: each key goes to the guest, Ctrl-C too. Output keeps its processing, so that our
// own lines end well. The settings are given back on destruction and by the signals that end the
// process by a fault (SIGSEGV, SIGABRT and their like), which then do what they did before.
#pragma once

#include <cstdint>
#include <optional>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm {

struct TerminalSize {
  uint16_t columns = 0;
  uint16_t rows = 0;
};
// Nothing when it is no terminal, or one that knows no size.
std::optional<TerminalSize> SizeOf(const base::Fd& terminal);

// At most one at a time, because signals have no other way to find it.
class RawTerminal {
 public:
  // Nothing changes when the descriptor is no terminal or not in this process's foreground:
  // active() is then false.
  static base::Result<RawTerminal> Enter(const base::Fd& terminal);
  RawTerminal(RawTerminal&& other) noexcept;
  RawTerminal& operator=(RawTerminal&& other) = delete;
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() { Restore(); }

  bool active() const { return active_; }
  void Restore();

 private:
  explicit RawTerminal(bool active) : active_(active) {}
  bool active_ = false;
};

}  // namespace vmm
