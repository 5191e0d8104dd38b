// The memory map that the kernel is given: RAM, the ACPI tables and the PCIe configuration space
// (types as in ACPI 6.5, 15.1; boot protocol and PVH use the same numbers).
#pragma once

#include <cstdint>
#include <vector>

#include "sysfs/base/address.h"
#include "vmm/layout.h"

namespace vmm::boot {

enum class MapType : uint32_t { kRam = 1, kReserved = 2, kAcpi = 3 };

struct MapEntry {
  base::Range range;
  MapType type = MapType::kReserved;
  bool operator==(const MapEntry&) const = default;
};

// Ascending. The configuration space is reserved here, too: Linux wants to see it before it can
// read the ACPI name space. Pure.
std::vector<MapEntry> MemoryMap(const Layout& layout);

}  // namespace vmm::boot
