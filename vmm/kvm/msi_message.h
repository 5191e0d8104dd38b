// A message-signalled interrupt (PCI 3.0, 6.8.1).
#pragma once

#include <cstdint>

namespace vmm::kvm {

// As the guest wrote it into its MSI capability or MSI-X table.
struct MsiMessage {
  uint64_t address = 0;
  uint32_t data = 0;
  bool operator==(const MsiMessage&) const = default;
};

}  // namespace vmm::kvm
