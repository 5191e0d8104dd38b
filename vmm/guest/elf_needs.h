// What a program needs beside itself: its interpreter and its libraries (System V ABI, gABI 4.1
// chapter 5, "Dynamic Linking").
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/result.h"

namespace vmm::guest {

struct ElfNeeds {
  std::string interpreter;             // empty: statically linked
  std::vector<std::string> libraries;  // names as in the file ("libc.so.6")
};

// kUsage when the file is not an x86-64 ELF file or damaged. Pure.
base::Result<ElfNeeds> ParseNeeds(std::span<const std::byte> file);

}  // namespace vmm::guest
