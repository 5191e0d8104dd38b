// Small kernel files with valid headers, for tests to damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "sysfs/base/bits.h"

namespace test {

using Bytes = std::vector<std::byte>;

inline void StoreText(std::span<std::byte> block, size_t offset, std::string_view text) {
  std::memcpy(block.subspan(offset, text.size()).data(), text.data(), text.size());
}

// One setup sector behind the boot sector, 4 KiB of code filled with 0x90, protocol 2.15.
inline Bytes MakeBzImage() {
  Bytes file(1024 + 4096, std::byte{0x90});
  std::memset(file.data(), 0, 1024);
  base::StoreLe<uint8_t>(file, 0x1f1, 1);
  base::StoreLe<uint32_t>(file, 0x1f4, 4096 / 16);
  base::StoreLe<uint16_t>(file, 0x1fe, 0xaa55);
  base::StoreLe<uint16_t>(file, 0x200, 0x6aeb);  // header to 0x26c
  StoreText(file, 0x202, "HdrS");
  base::StoreLe<uint16_t>(file, 0x206, 0x020f);
  base::StoreLe<uint8_t>(file, 0x211, 1);
  base::StoreLe<uint32_t>(file, 0x22c, 0x7fffffff);
  base::StoreLe<uint32_t>(file, 0x230, 0x200000);
  base::StoreLe<uint8_t>(file, 0x234, 1);
  base::StoreLe<uint16_t>(file, 0x236, 3);
  base::StoreLe<uint32_t>(file, 0x238, 2047);
  base::StoreLe<uint64_t>(file, 0x258, 0x1000000);
  base::StoreLe<uint32_t>(file, 0x260, 0x800000);
  return file;
}

struct ProgramHeader {
  uint32_t type;
  uint64_t offset, physical, file_size, memory_size, alignment;
};

inline void StoreProgramHeader(std::span<std::byte> file, size_t index, const ProgramHeader& from) {
  const size_t at = 64 + 56 * index;
  base::StoreLe<uint32_t>(file, at, from.type);
  base::StoreLe<uint64_t>(file, at + 8, from.offset);
  base::StoreLe<uint64_t>(file, at + 16, from.physical);
  base::StoreLe<uint64_t>(file, at + 24, from.physical);
  base::StoreLe<uint64_t>(file, at + 32, from.file_size);
  base::StoreLe<uint64_t>(file, at + 40, from.memory_size);
  base::StoreLe<uint64_t>(file, at + 48, from.alignment);
}

// Two load segments (the second first in the table, with 0x1000 bytes of zeros behind it) and a
// note with the PVH entry 0x1000040.
inline Bytes MakeElfKernel() {
  Bytes file(0x1000, std::byte{0});
  StoreText(file, 0,
            "\x7f"
            "ELF\x02\x01\x01");
  base::StoreLe<uint16_t>(file, 16, 2);
  base::StoreLe<uint16_t>(file, 18, 62);
  base::StoreLe<uint64_t>(file, 24, 0x1000000);
  base::StoreLe<uint64_t>(file, 32, 64);
  base::StoreLe<uint16_t>(file, 54, 56);
  base::StoreLe<uint16_t>(file, 56, 3);
  StoreProgramHeader(file, 0, {1, 0x600, 0x1200000, 0x100, 0x1100, 0x200000});
  StoreProgramHeader(file, 1, {1, 0x400, 0x1000000, 0x200, 0x200, 0x200000});
  StoreProgramHeader(file, 2, {4, 0x300, 0, 0x40, 0x40, 4});
  base::StoreLe<uint32_t>(file, 0x300, 4);  // another owner's note of the same type
  base::StoreLe<uint32_t>(file, 0x304, 4);
  base::StoreLe<uint32_t>(file, 0x308, 18);
  StoreText(file, 0x30c, "GNU");
  base::StoreLe<uint32_t>(file, 0x314, 4);
  base::StoreLe<uint32_t>(file, 0x318, 8);
  base::StoreLe<uint32_t>(file, 0x31c, 18);
  StoreText(file, 0x320, "Xen");
  base::StoreLe<uint64_t>(file, 0x324, 0x1000040);
  std::memset(file.data() + 0x400, 0xaa, 0x200);
  std::memset(file.data() + 0x600, 0xbb, 0x100);
  return file;
}

// `rounds` copies of `valid` with some bytes changed, the same ones each time.
template <class Check>
void ForDamaged(const Bytes& valid, size_t header_bytes, unsigned rounds, Check check) {
  std::mt19937 random(1);
  for (unsigned round = 0; round < rounds; ++round) {
    Bytes file = valid;
    for (auto change = random() % 6; change < 6; ++change) {
      file[random() % header_bytes] = static_cast<std::byte>(random());
    }
    if (random() % 4 == 0) file.resize(random() % (file.size() + 1));
    check(file);
  }
}

}  // namespace test
