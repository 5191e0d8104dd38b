// Small user-space ELF files, as the default guest's tests need them.
#pragma once

#include <string>
#include <vector>

#include "sysfs/base/bits.h"
#include "tests/support/kernel_files.h"

namespace test {

// A program with an interpreter and libraries; statically linked when both are empty.
inline Bytes MakeProgram(const std::string& interpreter,
                         const std::vector<std::string>& libraries) {
  constexpr uint64_t kBase = 0x400000;
  constexpr size_t kDynamic = 0x200;
  constexpr size_t kStrings = 0x400;
  Bytes file(0x600);
  StoreText(file, 0,
            "\x7f"
            "ELF\x02\x01\x01");
  base::StoreLe<uint16_t>(file, 18, 62);
  base::StoreLe<uint64_t>(file, 32, 64);
  base::StoreLe<uint16_t>(file, 54, 56);
  uint16_t headers = 1;
  StoreProgramHeader(file, 0, {1, 0, kBase, file.size(), file.size(), 4096});
  if (!interpreter.empty()) {
    StoreText(file, 0x180, interpreter);
    StoreProgramHeader(
        file, headers++,
        {3, 0x180, kBase + 0x180, interpreter.size() + 1, interpreter.size() + 1, 1});
  }
  if (!libraries.empty()) {
    size_t name = kStrings + 1;
    size_t entry = kDynamic;
    const auto add = [&](uint64_t tag, uint64_t value) {
      base::StoreLe<uint64_t>(file, entry, tag);
      base::StoreLe<uint64_t>(file, entry + 8, value);
      entry += 16;
    };
    for (const std::string& library : libraries) {
      StoreText(file, name, library);
      add(1, name - kStrings);
      name += library.size() + 1;
    }
    add(5, kBase + kStrings);
    StoreProgramHeader(
        file, headers++,
        {2, kDynamic, kBase + kDynamic, entry + 16 - kDynamic, entry + 16 - kDynamic, 8});
  }
  base::StoreLe<uint16_t>(file, 56, headers);
  return file;
}

}  // namespace test
