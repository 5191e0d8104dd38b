// Resetting a function through sysfs, by the method that the kernel prefers.
//
// `reset` writes "1" to the function's `reset` file, which exists when the kernel knows a way;
// since Linux 5.15 `reset_method` names the ways in their order
// (Documentation/ABI/testing/sysfs-bus-pci). A bus reset is never one that meets another function:
// the kernel offers it only to the sole function of a bus.
#pragma once

#include <string>
#include <vector>

#include "sysfs/assignment/assignment.h"

namespace sysfs {

struct ResetPlan {
  PciDevice device;
  std::vector<std::string> methods;  // in the kernel's order; empty before 5.15
  ChangeSet changes;                 // one write
};

// kUnfit for a bridge, kUnsupported when the kernel knows no way, kInUse for what is in use (as a
// bind) or has virtual functions. Nothing is changed.
base::Result<ResetPlan> PlanReset(const AssignmentHost& host, const PciAddress& address,
                                  const ForceSet& force);

// Takes the locks, plans, writes, and looks whether the function answers again: kKernel when it
// does not.
base::Result<ResetPlan> Reset(AssignmentHost& host, const PciAddress& address,
                              const ForceSet& force);

}  // namespace sysfs
