// The two lists of capabilities in configuration space (PCI 3.0, 6.7; PCIe 6.0, 7.6.3).
//
// The bytes come from a device and are not trusted: pointers are masked as the specification says,
// each offset is visited at most once, and nothing is read outside the block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sysfs/pci_registers.h"

namespace sysfs {

struct Capability {
  uint16_t id = 0;      // CapabilityId or ExtendedId
  uint8_t version = 0;  // of an extended capability
  uint16_t offset = 0;

  bool operator==(const Capability&) const = default;
};

// In the order of the list; null capabilities are left out. Empty when the device has no list or
// does not answer (all ones).
std::vector<Capability> ListCapabilities(std::span<const std::byte> config);
std::vector<Capability> ListExtendedCapabilities(std::span<const std::byte> config);

// The offset of the first capability of this kind.
std::optional<uint16_t> FindCapability(std::span<const std::byte> config, CapabilityId id);
std::optional<uint16_t> FindExtendedCapability(std::span<const std::byte> config, ExtendedId id);

// How many vectors the function can have; nothing without the capability.
std::optional<unsigned> MsiVectors(std::span<const std::byte> config);
std::optional<unsigned> MsixVectors(std::span<const std::byte> config);

}  // namespace sysfs
