// FNV-1a, 64 bits: for files that are acted upon, against damage and not against malice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace base {

inline uint64_t Checksum(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

// As a file holds it: 16 digits.
inline std::string ChecksumText(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits += kDigits[Checksum(text) >> shift & 0xf];
  return digits;
}

}  // namespace base
