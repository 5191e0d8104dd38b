// The first page tables: 4 GiB one to one in 2 MiB pages, which every 64-bit CPU has (Intel SDM 3A,
// 4.5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vmm::boot {

// A PML4, a page directory pointer table and four page directories, to be stored at `address` (a
// multiple of 4 KiB), which is the CR3 then. Pure.
std::vector<std::byte> IdentityPageTables(uint64_t address);

}  // namespace vmm::boot
