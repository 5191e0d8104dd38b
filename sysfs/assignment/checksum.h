// FNV-1a, 64 bits: for records, against damage and not against malice.
#pragma once

#include <cstdint>
#include <string_view>

namespace sysfs {

inline uint64_t Checksum(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace sysfs
