#include "vmm/boot/start_info.h"

#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

constexpr uint32_t kMagic = 0x336ec578;
constexpr uint32_t kVersion = 1;
constexpr size_t kStartInfoSize = 56;
constexpr size_t kModuleSize = 32;
constexpr size_t kMapEntrySize = 24;

}  // namespace

std::vector<std::byte> MakeStartInfo(const StartInfo& info) {
  std::vector<std::byte> bytes(kStartInfoSize);
  base::StoreLe<uint32_t>(bytes, 0, kMagic);
  base::StoreLe<uint32_t>(bytes, 4, kVersion);
  base::StoreLe<uint32_t>(bytes, 12, info.module_list == 0 ? 0u : 1u);
  base::StoreLe<uint64_t>(bytes, 16, info.module_list);
  base::StoreLe<uint64_t>(bytes, 24, info.command_line);
  base::StoreLe<uint64_t>(bytes, 32, info.rsdp);
  base::StoreLe<uint64_t>(bytes, 40, info.memory_map);
  base::StoreLe<uint32_t>(bytes, 48, info.memory_map_entries);
  return bytes;
}

std::vector<std::byte> MakeModule(const base::Range& initrd) {
  std::vector<std::byte> bytes(kModuleSize);
  base::StoreLe<uint64_t>(bytes, 0, initrd.base);
  base::StoreLe<uint64_t>(bytes, 8, initrd.size);
  return bytes;
}

std::vector<std::byte> MakeMemoryMapTable(std::span<const MapEntry> map) {
  std::vector<std::byte> bytes(map.size() * kMapEntrySize);
  size_t at = 0;
  for (const MapEntry& entry : map) {
    base::StoreLe<uint64_t>(bytes, at, entry.range.base);
    base::StoreLe<uint64_t>(bytes, at + 8, entry.range.size);
    base::StoreLe<uint32_t>(bytes, at + 16, static_cast<uint32_t>(entry.type));
    at += kMapEntrySize;
  }
  return bytes;
}

}  // namespace vmm::boot
