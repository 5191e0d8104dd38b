// The ACPI tables of the machine (ACPI 6.5): RSDP, XSDT, FADT, FACS, DSDT, MADT, MCFG.
//
// What they describe stands in vmm/platform.h: host bridge with windows and INTx routing (_PRT to
// I/O APIC pins 16 to 23), power-off (PM1), reset register, power button, serial ports, the
// real-time clock and the keyboard controller as absent or present. Processors stand in the MADT
// alone.
#pragma once

#include <cstdint>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "vmm/layout.h"
#include "vmm/memory.h"

namespace vmm::acpi {

struct AcpiRequest {
  Layout layout;
  unsigned cpu_count = 1;
  std::vector<uint32_t> apic_ids;  // by vCPU; its number where there is none
  unsigned serial_ports = 4;
  bool real_time_clock = false;      // ports 0x70 and 0x71 answer
  bool keyboard_controller = false;  // ports 0x60 and 0x64 answer as an 8042, more than its reset
};

struct AcpiTables {
  base::GuestPhys rsdp;          // where the RSDP must be
  base::Range area;              // the whole area that the tables take, below 1 MiB
  std::vector<std::byte> bytes;  // to be stored at area.base
};

// Pure.
AcpiTables BuildTables(const AcpiRequest& request);

}  // namespace vmm::acpi
