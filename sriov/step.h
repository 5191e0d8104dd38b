// Steps of a plan for virtual functions, and the loop that performs them.
//
// Three kinds: a write to sysfs, an attribute that the network card's driver sets, a command to a
// drive. A plan is a value; --dry-run prints it. Performing stops at the first failure and undoes
// nothing: the caller plans the way back from what it finds then.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "sriov/nvme_admin.h"
#include "sriov/vf_links.h"
#include "sysfs/assignment/change_set.h"
#include "sysfs/pci_device.h"

namespace sriov {

struct LinkChange {
  std::string interface;  // of the physical function
  unsigned index = 0;
  VfAttributes to;
  std::string reason;
  bool operator==(const LinkChange&) const = default;
};

struct NvmeChange {
  std::string controller;  // "nvme1"
  NvmeCommand command;
  std::string reason;
  bool operator==(const NvmeChange&) const = default;
};

using Step = std::variant<sysfs::Change, LinkChange, NvmeChange>;
using Steps = std::vector<Step>;

// How a step is done. The references outlive it.
struct Doer {
  sysfs::Tree& tree;
  const sysfs::ApplyOptions& options;
  VfLinks* links = nullptr;
  NvmeAdmin* nvme = nullptr;
  // The card that the steps were planned for: none is done to another one in its place.
  const sysfs::PciDevice* card = nullptr;
};

base::Status Perform(Doer& doer, const Steps& steps);

// A line a step, as a person would type it.
std::string Format(const Steps& steps);
// The line's two parts.
std::string CommandOf(const Step& step);
const std::string& ReasonOf(const Step& step);

}  // namespace sriov
