#include "tests/guest/console.h"

#include "tests/guest/machine.h"
#include "vmm/platform.h"

namespace guest {
namespace {

constexpr uint16_t kPort = vmm::kSerialPorts[0].base;
constexpr uint16_t kLineStatus = kPort + 5;
constexpr uint16_t kModemControl = kPort + 4;
constexpr uint8_t kReadyAndRequest = 0x03;  // data terminal ready, request to send: input may come
constexpr uint8_t kReady = 0x01;
constexpr uint8_t kEmpty = 0x20;

void Put(char c) {
  while ((In8(kLineStatus) & kEmpty) == 0) Pause();
  Out8(kPort, static_cast<uint8_t>(c));
}

char Get() {
  constexpr unsigned kBusyLooks = 16;
  constexpr uint32_t kRest = 5000;
  for (unsigned look = 0; (In8(kLineStatus) & kReady) == 0; ++look) {
    if (look < kBusyLooks) {
      Pause();
      continue;
    }
    InterruptsOff();
    Halt(kRest);
  }
  return static_cast<char>(In8(kPort));
}

char line[512];

}  // namespace

void Print(std::string_view text) {
  for (const char c : text) Put(c);
}

void PrintDecimal(uint64_t value) {
  char digits[20];
  unsigned count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) Put(digits[--count]);
}

void PrintHex(uint64_t value, unsigned digits) {
  unsigned count = 1;
  while (count < 16 && value >> (4 * count) != 0) ++count;
  if (count < digits) count = digits;
  while (count > 0) Put("0123456789abcdef"[value >> (4 * --count) & 0xf]);
}

std::string_view ReadLine() {
  Out8(kModemControl, kReadyAndRequest);
  size_t size = 0;
  for (;;) {
    const char c = Get();
    if (c == '\n' || c == '\r') return {line, size};
    if (size < sizeof line) line[size++] = c;
  }
}

std::string_view TakeWord(std::string_view& line) {
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  size_t size = 0;
  while (size < line.size() && line[size] != ' ') ++size;
  const std::string_view word(line.data(), size);
  line.remove_prefix(size);
  return word;
}

std::optional<uint64_t> ParseNumber(std::string_view word) {
  const unsigned base = word.starts_with("0x") ? 16 : 10;
  if (base == 16) word.remove_prefix(2);
  if (word.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : word) {
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                                                  : 16;
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  return value;
}

std::optional<uint64_t> TakeNumber(std::string_view& line) { return ParseNumber(TakeWord(line)); }

bool Fail(std::string_view text) {
  Print("failed: ");
  Print(text);
  Print("\n");
  return false;
}

}  // namespace guest
