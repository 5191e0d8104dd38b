// query-pci: the guest's bus as QEMU's PciInfo list (qapi/pci.json). Pure.
#pragma once

#include <map>
#include <span>
#include <string>

#include "vmm/control/json.h"
#include "vmm/pci/host_bridge.h"

namespace vmm::control {

// `ids` are the devices' own, by devfn; who has none is of the machine itself. A BAR that does not
// decode has the address -1.
Json PciList(std::span<const pci::FunctionView> functions,
             const std::map<uint8_t, std::string>& ids);

}  // namespace vmm::control
