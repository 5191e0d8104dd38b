// What query-pci returns, for people. Pure; a reply without sense gives less, never an error.
#pragma once

#include <string>
#include <vector>

#include "vmm/control/json.h"

namespace cli {

// Of the devices that have one, in the order of the bus.
std::vector<std::string> DeviceIds(const vmm::control::Json& buses);
// Of those, the ones that serve for a device that could not be assigned.
std::vector<std::string> FallbackIds(const vmm::control::Json& buses);
std::string PciText(const vmm::control::Json& buses, unsigned width, bool colour);

}  // namespace cli
