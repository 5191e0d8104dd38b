// MSI-X as the guest sees it: table and pending bits (PCI 3.0, 6.8.2).
//
// Pure state; any access width at any offset. The host's own table is never touched by it. Not
// thread safe.
#pragma once

#include <cstdint>
#include <vector>

#include "sysfs/pci_registers.h"
#include "vmm/io.h"
#include "vmm/kvm/vm.h"

namespace vmm::pci {

inline constexpr unsigned kMsixEntrySize = sysfs::registers::msix::kEntrySize;
inline constexpr unsigned kMaxMsixVectors = sysfs::registers::msix::kMostVectors;

class Msix {
 public:
  explicit Msix(unsigned vectors);

  unsigned vectors() const { return vectors_; }
  uint64_t table_bytes() const { return uint64_t{vectors_} * kMsixEntrySize; }
  // Bits in multiples of 64.
  uint64_t pending_bytes() const { return uint64_t{vectors_ + 63} / 64 * 8; }

  // As after a reset: disabled, all masked, nothing pending.
  void Reset();
  // The message control register; true when enable or function mask changed.
  bool SetControl(uint16_t control);
  bool enabled() const { return enabled_; }
  bool function_masked() const { return function_masked_; }

  // All ones, and ignored, outside of the table.
  uint64_t ReadTable(uint64_t offset, Width width) const;
  // True when an unmasked vector, or the mask of a vector, changed.
  bool WriteTable(uint64_t offset, Width width, uint64_t value);
  uint64_t ReadPending(uint64_t offset, Width width) const;

  // Whether an interrupt of this vector would be delivered now.
  bool Live(unsigned vector) const;
  kvm::MsiMessage Message(unsigned vector) const;
  void SetPending(unsigned vector, bool pending);
  bool Pending(unsigned vector) const;

 private:
  bool Masked(unsigned vector) const;

  unsigned vectors_;
  bool enabled_ = false;
  bool function_masked_ = false;
  std::vector<uint8_t> table_;
  std::vector<uint8_t> pending_;
};

}  // namespace vmm::pci
