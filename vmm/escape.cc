#include "vmm/escape.h"

#include <utility>

namespace vmm {
namespace {

constexpr uint8_t kEscape = 0x01;  // Ctrl-A

}  // namespace

ConsoleInput EscapeParser::Feed(std::span<const uint8_t> bytes) {
  ConsoleInput input;
  for (const uint8_t byte : bytes) {
    if (!std::exchange(escaped_, false)) {
      if (byte == kEscape) {
        escaped_ = true;
      } else {
        input.guest.push_back(byte);
      }
      continue;
    }
    switch (byte) {
      case kEscape:
        input.guest.push_back(kEscape);
        break;
      case 'x':
      case 'X':
        input.commands.push_back(ConsoleInput::Command::kQuit);
        break;
      case 'h':
      case 'H':
      case '?':
        input.commands.push_back(ConsoleInput::Command::kHelp);
        break;
      default:
        break;
    }
  }
  return input;
}

}  // namespace vmm
