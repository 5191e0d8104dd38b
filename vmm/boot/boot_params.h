// struct boot_params, the "zero page" of the boot protocol (Documentation/arch/x86/zero-page.rst).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "vmm/boot/memory_map.h"

namespace vmm::boot {

struct BootParams {
  std::span<const std::byte> setup_header;  // of the kernel file, from 0x1f1
  uint64_t load_address = 0;
  uint64_t command_line = 0;
  base::Range initrd;  // empty: none
  uint64_t rsdp = 0;
  std::vector<MapEntry> memory_map;
};

// One page. Fails with kInternal when the memory map is longer than the page has room for. Pure.
base::Result<std::vector<std::byte>> MakeBootParams(const BootParams& params);

}  // namespace vmm::boot
