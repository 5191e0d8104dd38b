// The differentiated system description table: host bridge, serial ports, what the board itself
// takes, power-off (ACPI 6.5, 5.2.11.1).
#pragma once

#include <cstddef>
#include <vector>

#include "vmm/acpi/tables.h"

namespace vmm::acpi {

std::vector<std::byte> MakeDsdt(const AcpiRequest& request);

}  // namespace vmm::acpi
