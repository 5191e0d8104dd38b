// Base address registers: their bits in configuration space and where they decode (PCI 3.0, 6.2.5).
//
// All pure. Sizing needs no code: the writable bits of a register are those above its size.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sysfs/base/address.h"
#include "vmm/pci/config_space.h"
#include "vmm/pci/function.h"

namespace vmm::pci {

// By BAR index; nothing where a BAR does not decode.
using DecodedBars = std::array<std::optional<base::Range>, kRomBar + 1>;

// Memory BARs keep apart by at least a page, so that no two share one.
uint64_t BarAlignment(const BarInfo& bar);

uint16_t BarRegister(unsigned index);
// Owns the six registers and that of the ROM; those of no BAR read as zero.
void OwnBarRegisters(ConfigSpace& config, std::span<const BarInfo> bars);
// The address in the register, or both registers of a 64-bit BAR.
uint64_t BarAddress(const ConfigSpace& config, const BarInfo& bar);
// What the registers and the command register say; the ROM has an enable bit of its own as well. A
// BAR that is being sized (all ones) or has no address (zero) does not decode.
DecodedBars DecodeBars(const ConfigSpace& config, std::span<const BarInfo> bars);
// From one state to the next, deactivations first.
std::vector<BarChange> PlanBarChanges(const DecodedBars& before, const DecodedBars& after);

}  // namespace vmm::pci
