// What forbids a change of virtual functions, asked before anything is written.
#pragma once

#include <optional>
#include <vector>

#include "sriov/host.h"
#include "sriov/plan.h"

namespace sriov {

// Range, driver, use, room, a drive's resources, in this order; the errors are those of PlanSet
// (sriov/change.h). `force` is for giving back: a function that a process has through VFIO passes
// with kAssigned.
base::Status CheckGoal(const Host& host, const PhysicalFunction& pf, const Goal& goal,
                       const std::optional<sysfs::ForceSet>& force = {});

// The functions that the goal takes away or from their drivers while a process has them: each is
// unbound first. None without kAssigned.
base::Result<std::vector<sysfs::AssignmentPlan>> PlanReleases(
    const Host& host, const PhysicalFunction& pf, const Goal& goal,
    const std::optional<sysfs::ForceSet>& force);

// Nothing is to be written for this goal.
base::Result<bool> IsReached(const Host& host, const PhysicalFunction& pf, const Goal& goal);

// /etc/machine-id, else the firmware's UUID; empty without both.
base::Result<std::string> MachineId(const sysfs::Tree& tree);

// All virtual functions to vfio-pci.
sysfs::BindRequest VfioRequest(const PhysicalFunction& pf);

}  // namespace sriov
