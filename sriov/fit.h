// Would the kernel find room for so many virtual functions? Asked before anything is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sriov {

// What decides it (drivers/pci/iov.c, sriov_enable).
struct FitFacts {
  sysfs::PciAddress pf;
  std::vector<unsigned> homeless_bars;  // BARs of virtual functions that got no address space
  std::optional<unsigned> last_bus;     // the highest that the bridge above passes on
  unsigned offset = 0;                  // from the physical function's routing id to the first
  unsigned stride = 0;                  // from one to the next; 0 when not known
};

FitFacts ReadFit(const sysfs::Tree& tree, const sysfs::PciDevice& pf);

// kUnfit with what is missing and the setting that helps. What is not known passes: the kernel
// has the last word.
base::Status CheckFit(const FitFacts& facts, unsigned count);

// What an errno of a write to sriov_numvfs means (drivers/pci/iov.c, sriov_numvfs_store), with
// the exit code and the cure. Other errnos stay as they are.
base::Error ExplainCount(base::Error error, const sysfs::PciDevice& pf, unsigned count);

}  // namespace sriov
