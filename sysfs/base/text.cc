#include "sysfs/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace base {
namespace {

std::optional<uint64_t> ParseDigits(std::string_view text, int radix, uint64_t max) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, radix);
  if (text.empty() || error != std::errc{} || stop != end || value > max) return std::nullopt;
  return value;
}

}  // namespace

std::optional<uint64_t> ParseHex(std::string_view text, uint64_t max) {
  return ParseDigits(text, 16, max);
}

std::optional<uint64_t> ParseDecimal(std::string_view text, uint64_t max) {
  return ParseDigits(text, 10, max);
}

std::optional<uint64_t> ParseUnsigned(std::string_view text, uint64_t max) {
  if (text.starts_with("0x") || text.starts_with("0X")) return ParseHex(text.substr(2), max);
  return ParseDecimal(text, max);
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  constexpr std::string_view kSuffixes = "KMGT";
  unsigned shift = 0;
  if (!text.empty()) {
    const char last = static_cast<char>(text.back() & ~0x20);
    if (const size_t index = kSuffixes.find(last); index != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(index) + 1);
      text.remove_suffix(1);
    }
  }
  const auto value = ParseDecimal(text, UINT64_MAX >> shift);
  if (!value) return std::nullopt;
  return *value << shift;
}

std::string FormatSize(uint64_t bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const bool whole = value == static_cast<double>(static_cast<uint64_t>(value));
  return whole ? fmt::format("{} {}", static_cast<uint64_t>(value), kUnits[unit])
               : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string Quote(std::string_view text) {
  constexpr size_t kLongest = 80;
  std::string quoted = "'";
  for (const char byte : text.substr(0, kLongest)) {
    const bool printable = byte >= 0x20 && byte < 0x7f;
    quoted += printable ? std::string(1, byte)
                        : fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  return quoted + (text.size() > kLongest ? "...'" : "'");
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view LastComponent(std::string_view path) {
  const size_t at = path.rfind('/');
  return at == std::string_view::npos ? path : path.substr(at + 1);
}

}  // namespace base
