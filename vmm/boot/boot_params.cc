#include "vmm/boot/boot_params.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

constexpr size_t kRsdpAddress = 0x070;
constexpr size_t kMapCount = 0x1e8;
constexpr size_t kSetupHeader = 0x1f1;
constexpr size_t kVideoMode = 0x1fa;
constexpr size_t kLoaderType = 0x210;
constexpr size_t kLoadFlags = 0x211;
constexpr size_t kCode32Start = 0x214;
constexpr size_t kInitrdAddress = 0x218;
constexpr size_t kInitrdSize = 0x21c;
constexpr size_t kHeapEnd = 0x224;
constexpr size_t kLoaderVersionAndType = 0x226;
constexpr size_t kCommandLine = 0x228;
constexpr size_t kSetupData = 0x250;
constexpr size_t kSetupHeaderEnd = 0x290;  // what follows is not the kernel's to fill
constexpr size_t kMap = 0x2d0;
constexpr size_t kMapEntrySize = 20;
constexpr size_t kMapLimit = 128;

constexpr uint8_t kUnregisteredLoader = 0xff;
constexpr uint8_t kLoadedHigh = 0x01;
constexpr uint16_t kVideoModeNormal = 0xffff;

void StoreMap(std::span<std::byte> page, const std::vector<MapEntry>& map) {
  size_t at = kMap;
  for (const MapEntry& entry : map) {
    base::StoreLe<uint64_t>(page, at, entry.range.base);
    base::StoreLe<uint64_t>(page, at + 8, entry.range.size);
    base::StoreLe<uint32_t>(page, at + 16, static_cast<uint32_t>(entry.type));
    at += kMapEntrySize;
  }
  base::StoreLe<uint8_t>(page, kMapCount, static_cast<uint8_t>(map.size()));
}

}  // namespace

base::Result<std::vector<std::byte>> MakeBootParams(const BootParams& params) {
  if (params.memory_map.size() > kMapLimit) {
    return base::Fail(base::Code::kInternal,
                      fmt::format("the memory map has {} entries, the boot protocol takes {}",
                                  params.memory_map.size(), kMapLimit));
  }
  std::vector<std::byte> page(base::kPageSize);
  const size_t header = std::min(params.setup_header.size(), kSetupHeaderEnd - kSetupHeader);
  std::copy_n(params.setup_header.begin(), header, page.begin() + kSetupHeader);
  // Fields that the file could fill with what only a loader knows.
  base::StoreLe<uint16_t>(page, kVideoMode, kVideoModeNormal);
  base::StoreLe<uint8_t>(page, kLoaderType, kUnregisteredLoader);
  base::StoreLe<uint8_t>(page, kLoadFlags, kLoadedHigh);
  base::StoreLe<uint32_t>(page, kCode32Start, static_cast<uint32_t>(params.load_address));
  base::StoreLe<uint32_t>(page, kInitrdAddress, static_cast<uint32_t>(params.initrd.base));
  base::StoreLe<uint32_t>(page, kInitrdSize, static_cast<uint32_t>(params.initrd.size));
  base::StoreLe<uint16_t>(page, kHeapEnd, 0);
  base::StoreLe<uint16_t>(page, kLoaderVersionAndType, 0);
  base::StoreLe<uint32_t>(page, kCommandLine, static_cast<uint32_t>(params.command_line));
  base::StoreLe<uint64_t>(page, kSetupData, 0);
  base::StoreLe<uint64_t>(page, kRsdpAddress, params.rsdp);
  StoreMap(page, params.memory_map);
  return page;
}

}  // namespace vmm::boot
