// Taking a device from its driver as a step of a larger change that knows what follows.
#pragma once

#include "sysfs/assignment/assignment.h"

namespace sysfs {

// The override stays: no other driver comes. `users` of the plan are the processes that have the
// device through VFIO; the driver asks them to let it go, and the write waits for them.
base::Result<AssignmentPlan> PlanUnbinding(const AssignmentHost& host, const PciAddress& address);

// No record is written and none goes. kTimedOut names who has not let it go at the deadline.
// `host_lock` is that of the larger change.
base::Status Unbind(AssignmentHost& host, const PciAddress& address, const FileLock& host_lock);

}  // namespace sysfs
