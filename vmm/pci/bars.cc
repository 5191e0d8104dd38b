#include "vmm/pci/bars.h"

#include <algorithm>

#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

namespace bar_bits = sysfs::registers::bar;

constexpr uint32_t kRomEnable = static_cast<uint32_t>(bar_bits::RomEnable::kMask);

uint32_t FlagsOf(const BarInfo& bar) {
  if (bar.index == kRomBar) return 0;
  if (bar.kind == BarKind::kIo) return kBarIo;
  return (bar.kind == BarKind::kMemory64 ? kBarType64 : 0) |
         (bar.prefetchable ? kBarPrefetchable : 0);
}

// The address bits that the register keeps.
uint64_t AddressMask(const BarInfo& bar) {
  if (bar.index == kRomBar) return ~(bar.size - 1) & bar_bits::kRomAddress;
  const uint64_t flags = bar.kind == BarKind::kIo ? bar_bits::kIoFlags : bar_bits::kMemoryFlags;
  const uint64_t mask = ~(bar.size - 1) & ~flags;
  return bar.kind == BarKind::kMemory64 ? mask : mask & 0xffffffff;
}

std::optional<base::Range> Decode(const ConfigSpace& config, const BarInfo& bar) {
  const uint64_t address = BarAddress(config, bar);
  // Sizing a 64-bit BAR passes through all ones in either half.
  const bool sizing = address == AddressMask(bar) ||
                      (bar.kind == BarKind::kMemory64 && address >> 32 == 0xffffffff);
  if (address == 0 || sizing) return std::nullopt;
  return base::CheckedRange(address, bar.size);
}

// Whether command register and ROM register let the BAR decode.
bool IsEnabled(const ConfigSpace& config, const BarInfo& bar) {
  const uint32_t enable = bar.kind == BarKind::kIo ? kCommandIo : kCommandMemory;
  if ((config.Shadow(header::kCommand, Width::k2) & enable) == 0) return false;
  return bar.index != kRomBar || (config.Shadow(header::kRom, Width::k4) & kRomEnable) != 0;
}

}  // namespace

uint16_t BarRegister(unsigned index) {
  return static_cast<uint16_t>(index == kRomBar ? header::kRom : header::kBar0 + 4 * index);
}

uint64_t BarAlignment(const BarInfo& bar) {
  return bar.kind == BarKind::kIo ? bar.size : std::max(bar.size, base::kPageSize);
}

void OwnBarRegisters(ConfigSpace& config, std::span<const BarInfo> bars) {
  config.OwnZero(header::kBar0, kBarsEnd - header::kBar0);
  config.OwnZero(header::kRom, 4);
  for (const BarInfo& bar : bars) {
    const uint64_t mask = AddressMask(bar);
    const uint32_t enable = bar.index == kRomBar ? kRomEnable : 0;
    config.Own(BarRegister(bar.index), Width::k4, FlagsOf(bar),
               static_cast<uint32_t>(mask) | enable);
    if (bar.kind == BarKind::kMemory64 && bar.index < 5) {
      config.Own(BarRegister(bar.index + 1), Width::k4, 0, static_cast<uint32_t>(mask >> 32));
    }
  }
}

uint64_t BarAddress(const ConfigSpace& config, const BarInfo& bar) {
  uint64_t value = config.Shadow(BarRegister(bar.index), Width::k4);
  if (bar.kind == BarKind::kMemory64) {
    value |= uint64_t{config.Shadow(BarRegister(bar.index + 1), Width::k4)} << 32;
  }
  return value & AddressMask(bar);
}

DecodedBars DecodeBars(const ConfigSpace& config, std::span<const BarInfo> bars) {
  DecodedBars decoded;
  for (const BarInfo& bar : bars) {
    if (bar.index < decoded.size() && IsEnabled(config, bar)) {
      decoded[bar.index] = Decode(config, bar);
    }
  }
  return decoded;
}

std::vector<BarChange> PlanBarChanges(const DecodedBars& before, const DecodedBars& after) {
  std::vector<BarChange> changes;
  for (unsigned i = 0; i < before.size(); ++i) {
    if (before[i] && before[i] != after[i]) changes.push_back({i, *before[i], false});
  }
  for (unsigned i = 0; i < after.size(); ++i) {
    if (after[i] && before[i] != after[i]) changes.push_back({i, *after[i], true});
  }
  return changes;
}

}  // namespace vmm::pci
