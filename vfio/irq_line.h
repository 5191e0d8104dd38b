// The interrupt line that a conventional interrupt (INTx) takes on the host, and why the kernel
// refuses one.
//
// A device that cannot mask its own INTx (before PCI 2.3, or broken: pci_intx_mask_supported in
// the kernel) needs the line for itself: VFIO answers EBUSY when somebody shares it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace vfio {

struct IrqLine {
  unsigned number = 0;  // as in /proc/interrupts
  // Who has a handler on it: "ahci", "vfio-intx(0000:05:02.0)". What is not seen is not there.
  std::vector<std::string> users;
  // Other PCI functions whose pin is on it.
  std::vector<sysfs::PciAddress> neighbours;
};

// From the function's `irq` and /sys/kernel/irq; nothing when it has no line.
std::optional<IrqLine> ReadIrqLine(const sysfs::Tree& tree, const sysfs::PciAddress& device);

// What the failure to signal INTx means; `line` is only looked at for EBUSY.
base::Error ExplainIntx(base::Error why, const sysfs::PciAddress& device,
                        const std::optional<IrqLine>& line);

}  // namespace vfio
