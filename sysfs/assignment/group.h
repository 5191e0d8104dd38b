// Whole IOMMU groups: which members go to the guest, and which bridges have to be parked.
//
// A group is user space's when every member's driver leaves DMA alone (sysfs/iommu_group.h).
// Endpoints go to VFIO together. A bridge cannot; where its driver is in the way (shpchp on a
// conventional bridge), pci-stub holds it, which does nothing.
#pragma once

#include <span>
#include <vector>

#include "sysfs/assignment/assignment.h"

namespace sysfs {

struct GroupMembers {
  std::vector<PciAddress> endpoints;  // the devices asked for first, then what shares their groups
  std::vector<PciAddress> parked;     // bridges on drivers that do DMA for the host
};

// kUnfit for a device without a group.
base::Result<GroupMembers> ExpandGroups(const Tree& tree, std::span<const PciAddress> devices);

// The plans of `vassign bind --group`, in their order: bridges to pci-stub, endpoints to the
// request's driver. The first is left out when nothing has to be parked.
base::Result<std::vector<AssignmentPlan>> PlanGroupBinding(const AssignmentHost& host,
                                                           BindRequest request);

// All members or none: when the endpoints cannot be bound, the bridges go back.
base::Result<std::vector<AssignmentResult>> BindGroup(AssignmentHost& host, BindRequest request);
// The same as a part of a larger change, whose run holds the host lock.
base::Result<std::vector<AssignmentResult>> BindGroup(AssignmentHost& host, BindRequest request,
                                                      const FileLock& host_lock);

}  // namespace sysfs
