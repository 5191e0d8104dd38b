// CRC-32 as zlib has it, begun with ~0 and inverted at the end.
#pragma once

#include <cstdint>

namespace guest {

inline uint32_t AddToChecksum(uint32_t crc, uint8_t byte) {
  crc ^= byte;
  for (unsigned bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  return crc;
}

}  // namespace guest
