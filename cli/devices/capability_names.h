// Short names of capabilities, as PCI documents abbreviate them.
#pragma once

#include <cstdint>
#include <string>

namespace cli {

// "MSI-X"; "0x2a" for one without a name here.
std::string CapabilityName(uint16_t id);
std::string ExtendedCapabilityName(uint16_t id);

}  // namespace cli
