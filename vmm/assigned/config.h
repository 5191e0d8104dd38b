// What the guest sees of an assigned device's configuration space: a plan made once, when the
// device is opened.
//
// The kernel virtualises much already (vendor and device of a virtual function, payload sizes,
// function-level reset; drivers/vfio/pci/vfio_pci_config.c). On top of it the monitor owns what
// belongs to the guest's own bus: BARs, command register, interrupt registers, MSI and MSI-X, power
// state, PCI Express type and link, and the capability lists without what a guest must not have.
// All other bytes are the kernel's, by the rules of the policy. Pure; the bytes come from the
// device and are not trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vmm/assigned/policy.h"
#include "vmm/pci/config_space.h"
#include "vmm/pci/function.h"
#include "vmm/pci/msi.h"
#include "vmm/pci/root_port.h"

namespace vmm::assigned {

// What the plan depends on.
struct DeviceFacts {
  std::span<const std::byte> config;  // as VFIO shows it, 256 or 4096 bytes
  std::span<const pci::BarInfo> bars;
  unsigned msi_vectors = 0;  // that the host grants at once
  unsigned msix_vectors = 0;
  bool intx = false;  // VFIO signals the interrupt pin
  ConfigPolicy policy = ConfigPolicy::kStandard;
  bool behind_port = false;  // else on bus 0, integrated into the root complex
};

// The PCIe link of a device as its card's port has it; 2.5 GT/s and one lane when it tells none.
pci::Link LinkOf(std::span<const std::byte> config);

// Where the MSI-X capability, its table and its pending bits are.
struct MsixLayout {
  uint16_t offset = 0;
  unsigned vectors = 0;
  unsigned table_bar = 0;
  uint64_t table_offset = 0;
  unsigned pending_bar = 0;
  uint64_t pending_offset = 0;
  bool operator==(const MsixLayout&) const = default;
};

// A capability that the guest does not see.
struct HiddenCapability {
  uint16_t id = 0;
  uint16_t offset = 0;
  bool extended = false;
  bool operator==(const HiddenCapability&) const = default;
};

// Bits of one byte that reset the function when the guest writes a one; the kernel carries it out
// and reads as zero.
struct ResetBits {
  uint16_t offset = 0;
  uint8_t mask = 0;
  bool operator==(const ResetBits&) const = default;
};

struct ConfigPlan {
  pci::ConfigSpace space;  // masks, and the values after a reset
  std::optional<pci::MsiLayout> msi;
  std::optional<MsixLayout> msix;
  std::vector<HiddenCapability> hidden;
  std::vector<ResetBits> resets;  // of the function-level resets that the device has
  pci::Link link;
  bool intx = false;  // the guest sees the pin, as INTA: it is the only function of its device
  // The device has a pin and nothing else to interrupt by, and the host cannot serve it.
  bool without_interrupts = false;
  ConfigRules rules;  // for what the space does not own
};

ConfigPlan PlanConfig(const DeviceFacts& facts);

// Whether what a guest's write at `offset` leaves for the hardware resets the function.
bool InitiatesReset(const ConfigPlan& plan, uint16_t offset, const pci::WriteEffect& effect);

// The layout of the MSI-X capability at `offset`; nothing when table or pending bits are not inside
// a memory BAR, or overlap.
std::optional<MsixLayout> ParseMsix(std::span<const std::byte> config, uint16_t offset,
                                    std::span<const pci::BarInfo> bars);

}  // namespace vmm::assigned
