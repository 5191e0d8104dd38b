// What the guest says on COM4 while `--exec` runs a command in it: "ready" when the command is
// about to start, "exit N" when it has ended. The command's input is empty.
//
// The guest is hostile: anything else is ignored, whatever its length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "sysfs/base/result.h"

namespace vmm::guest {

// The exit status of `vmm` when the guest gave none.
inline constexpr int kNoStatus = 125;

// One thread at a time.
class ExecChannel {
 public:
  void Feed(std::span<const std::byte> bytes);
  // The guest came up; the command runs.
  bool ready() const { return ready_; }
  // 0 to 255, of the first "exit" line.
  std::optional<int> status() const { return status_; }
  // The status, or an error to be printed before ending with kNoStatus.
  base::Result<int> Finish() const;

 private:
  void TakeLine();

  std::string line_;
  bool overlong_ = false;
  bool ready_ = false;
  std::optional<int> status_;
};

}  // namespace vmm::guest
