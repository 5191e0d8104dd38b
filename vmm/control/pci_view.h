// query-pci: the guest's buses as QEMU's PciInfo list (qapi/pci.json). Pure.
#pragma once

#include <map>
#include <span>
#include <string>

#include "vmm/control/json.h"
#include "vmm/fallback/fallback.h"
#include "vmm/pci/host_bridge.h"

namespace vmm::control {

// `ids` are the devices' own, by the function's name; who has none is of the machine itself. A BAR
// that does not decode has the address -1. What is behind a port stands in its "pci_bridge". A
// device that serves for one that could not be assigned has, by its id, "fallback" beside QEMU's
// members.
Json PciList(std::span<const pci::FunctionView> functions,
             const std::map<std::string, std::string>& ids,
             const std::map<std::string, Json>& fallbacks = {});

// Its "fallback": what it serves for and why.
Json FallbackView(const Fallback& fallback);

}  // namespace vmm::control
