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

namespace vmm::control {

// `ids` are the devices' own, by the function's name; who has none is of the machine itself. A BAR
// that does not decode has the address -1. What is behind a port stands in its "pci_bridge". A
// device has, by its id, `own` members beside QEMU's.
Json PciList(std::span<const pci::FunctionView> functions,
             const std::map<std::string, std::string>& ids,
             const std::map<std::string, Json>& own = {});

// The "fallback" of a device that serves for one that could not be assigned: for what and why.
Json FallbackView(const Fallback& fallback);
// The "counters" of an assigned device, named as by --stats.
Json CountersView(const assigned::AssignedCounters& counters);
// Data of DEVICE_IOMMU_FAULT.
Json IommuFaultData(const std::string& id, const sysfs::IommuFault& fault);

}  // namespace vmm::control
