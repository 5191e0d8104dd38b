// What a PVH kernel is given (xen/include/public/arch-x86/hvm/start_info.h, version 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sysfs/base/address.h"
#include "vmm/boot/memory_map.h"

namespace vmm::boot {

struct StartInfo {
  uint64_t command_line = 0;
  uint64_t module_list = 0;  // 0: no initrd
  uint64_t rsdp = 0;
  uint64_t memory_map = 0;
  uint32_t memory_map_entries = 0;
};

// struct hvm_start_info. Pure, as the others.
std::vector<std::byte> MakeStartInfo(const StartInfo& info);
// struct hvm_modlist_entry.
std::vector<std::byte> MakeModule(const base::Range& initrd);
// struct hvm_memmap_table_entry, one after the other.
std::vector<std::byte> MakeMemoryMapTable(std::span<const MapEntry> map);

}  // namespace vmm::boot
