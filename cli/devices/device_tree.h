// Functions in the order of the bridges that they sit behind, each with the lines that a tree is
// drawn with.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sysfs/pci_address.h"
#include "sysfs/pci_device.h"

namespace cli {

struct PlacedDevice {
  sysfs::PciDevice device;
  std::vector<sysfs::PciAddress> bridges;  // above it, from the root
  bool matches = true;                     // what was asked for; others only lead to it
};

struct TreeRow {
  std::string branch;                      // "│  └─ "
  std::vector<const PlacedDevice*> shown;  // one; several are virtual functions folded to a row
  bool folded = false;
};

// Matching devices and all that is above them, parents first, in the given order. Virtual functions
// stand below their physical one, with `fold` in one row together. Each device appears once, also
// when a recorded host says nonsense about its place. The rows point into `devices`.
std::vector<TreeRow> ArrangeTree(std::span<const PlacedDevice> devices, bool fold);

}  // namespace cli
