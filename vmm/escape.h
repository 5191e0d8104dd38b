// Ctrl-A on the console: what is for the guest and what is for us, from a stream of bytes.
//
//   Ctrl-A X       end the machine
//   Ctrl-A Ctrl-A  one Ctrl-A for the guest
//   Ctrl-A H       help
//
// Any other key after Ctrl-A is dropped with it. Pure, so that it is tested without a terminal.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace vmm {

struct ConsoleInput {
  enum class Command : uint8_t { kQuit, kHelp };
  std::vector<uint8_t> guest;     // what the guest gets
  std::vector<Command> commands;  // in their order
};

class EscapeParser {
 public:
  // A sequence may be split between calls.
  ConsoleInput Feed(std::span<const uint8_t> bytes);

 private:
  bool escaped_ = false;
};

inline constexpr std::string_view kConsoleHelp =
    "\nCtrl-A X       end the machine\n"
    "Ctrl-A Ctrl-A  send Ctrl-A\n"
    "Ctrl-A H       this help\n";

}  // namespace vmm
