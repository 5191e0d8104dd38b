// query-pci: the guest's buses as QEMU's PciInfo list (qapi/pci.json). Pure.
#pragma once

#include <map>
#include <span>
#include <string>

#include "sysfs/iommu_fault.h"
#include "vmm/assigned/device.h"
#include "vmm/control/json.h"
#include "vmm/fallback/fallback.h"
#include "vmm/pci/host_bridge.h"
#include "vmm/standby_pairs.h"

namespace vmm::control {

// `ids` are the devices' own, by the function's name; who has none is of the machine itself. A BAR
// that does not decode has the address -1. What is behind a port stands in its "pci_bridge". A
// device has, by its id, `own` members beside QEMU's.
Json PciList(std::span<const pci::FunctionView> functions,
             const std::map<std::string, std::string>& ids,
             const std::map<std::string, Json>& own = {});

// The member "fallback": which device that could not be assigned it serves for, and why.
Json FallbackView(const Fallback& fallback);
// The member "standby": which assigned device it stands by for, and whether the guest has that:
// "plugged", or "hidden" (until the guest's driver asks), "leaving", "closing", "absent".
Json StandbyView(const StandbyState& state);
// The member "counters" of an assigned device, named as by --stats.
Json CountersView(const assigned::AssignedCounters& counters);
// Data of DEVICE_IOMMU_FAULT.
Json IommuFaultData(const std::string& id, const sysfs::IommuFault& fault);

}  // namespace vmm::control
