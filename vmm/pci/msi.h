// The MSI capability as the guest sees it (PCI 3.0, 6.8.1): its registers live in the configuration
// space, wholly owned; this reads them.
//
// All pure.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/kvm/vm.h"
#include "vmm/pci/config_space.h"

namespace vmm::pci {

// Whether a write of this message is an interrupt on x86 (SDM 3A, 11.11) that KVM can route.
bool IsRoutable(const kvm::MsiMessage& message);

// Where the capability is and what it can do.
struct MsiLayout {
  uint16_t offset = 0;
  bool wide = false;      // 64-bit message address
  bool maskable = false;  // per-vector mask and pending bits
  unsigned max_vectors = 1;

  uint16_t size() const;
  uint16_t mask_offset() const;
  uint16_t pending_offset() const;
  bool operator==(const MsiLayout&) const = default;
};

// From the capability's message control register.
MsiLayout ParseMsi(uint16_t offset, uint16_t control);
// Owns the capability but for its header (id and next pointer). Values are those after a reset.
void OwnMsi(ConfigSpace& config, const MsiLayout& layout);

// What the guest has written.
class Msi {
 public:
  Msi(const ConfigSpace& config, const MsiLayout& layout) : config_(&config), layout_(layout) {}

  bool enabled() const;
  unsigned vectors() const;  // granted: a power of two, at most max_vectors
  bool Masked(unsigned vector) const;
  kvm::MsiMessage Message(unsigned vector) const;

 private:
  const ConfigSpace* config_;
  MsiLayout layout_;
};

void SetMsiPending(ConfigSpace& config, const MsiLayout& layout, unsigned vector, bool pending);
bool MsiPending(const ConfigSpace& config, const MsiLayout& layout, unsigned vector);

}  // namespace vmm::pci
