// Where the boot code puts its own tables: the RAM below 640 KiB, which no kernel uses before it
// has read them.
#pragma once

#include <cstdint>

namespace vmm::boot {

inline constexpr uint64_t kGdtAddress = 0x1000;
// struct boot_params (bzImage) or struct hvm_start_info (PVH).
inline constexpr uint64_t kBootInfoAddress = 0x2000;
// PVH: the list of modules (the initrd), then the memory map.
inline constexpr uint64_t kModuleListAddress = 0x3000;
inline constexpr uint64_t kMemoryMapAddress = 0x3100;
inline constexpr uint64_t kStackTop = 0x9000;
inline constexpr uint64_t kPageTablesAddress = 0x9000;  // six pages
inline constexpr uint64_t kCommandLineAddress = 0x20000;
inline constexpr uint64_t kCommandLineLimit = 0x10000;  // with the terminating zero

inline constexpr uint64_t kLowMemoryEnd = 0xa0000;  // 640 KiB; video memory on a PC
inline constexpr uint64_t kHighMemoryBase = 0x100000;

}  // namespace vmm::boot
