#include "vmm/acpi/dsdt.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "vmm/acpi/aml.h"
#include "vmm/acpi/table.h"
#include "vmm/platform.h"

namespace vmm::acpi {
namespace {

bool Holds(const std::vector<std::byte>& table, const aml::Code& part) {
  return std::search(table.begin(), table.end(), part.begin(), part.end()) != table.end();
}

AcpiRequest Request() {
  AcpiRequest request;
  request.layout.ecam = {0xb0000000, 256 * base::kMiB};
  request.layout.mmio32 = {0xc0000000, 0x3ec00000};
  request.layout.mmio64 = {0x4000000000, 0x1000000000};
  return request;
}

TEST(MakeDsdt, RoutesEachPinOfEachSlot) {
  const auto dsdt = MakeDsdt(Request());
  for (unsigned slot = 0; slot < 32; ++slot) {
    for (unsigned pin = 0; pin < 4; ++pin) {
      const aml::Code entry = aml::Package({aml::Integer(slot << 16 | 0xffff), aml::Integer(pin),
                                            aml::Integer(0), aml::Integer(16 + (slot + pin) % 8)});
      EXPECT_TRUE(Holds(dsdt, entry)) << slot << " " << pin;
    }
  }
}

TEST(MakeDsdt, HasTheWindowsOfTheLayout) {
  const auto dsdt = MakeDsdt(Request());
  EXPECT_TRUE(Holds(dsdt, aml::BusWindow(0, 255)));
  EXPECT_TRUE(Holds(dsdt, aml::Memory32Window({0xc0000000, 0x3ec00000})));
  EXPECT_TRUE(Holds(dsdt, aml::Memory64Window({0x4000000000, 0x1000000000})));
  EXPECT_TRUE(Holds(dsdt, aml::Memory32Fixed({0xb0000000, 256 * base::kMiB})));
}

TEST(MakeDsdt, LeavesAnEmptyWindowOut) {
  AcpiRequest request = Request();
  request.layout.mmio64 = {};
  EXPECT_LT(MakeDsdt(request).size(), MakeDsdt(Request()).size());
}

TEST(MakeDsdt, HasTheSerialPortsAndTheClockAsAsked) {
  AcpiRequest request = Request();
  request.serial_ports = 2;
  EXPECT_TRUE(Holds(MakeDsdt(request), aml::Path("COM2")));
  EXPECT_FALSE(Holds(MakeDsdt(request), aml::Path("COM3")));
  EXPECT_FALSE(Holds(MakeDsdt(request), aml::Path("RTC_")));
  request.serial_ports = 9;
  request.real_time_clock = true;
  EXPECT_TRUE(Holds(MakeDsdt(request), aml::Path("COM4")));
  EXPECT_FALSE(Holds(MakeDsdt(request), aml::Path("COM5")));
  EXPECT_TRUE(Holds(MakeDsdt(request), aml::Path("RTC_")));
}

TEST(MakeDsdt, HasARightChecksum) { EXPECT_EQ(Sum(MakeDsdt(Request())), 0); }

}  // namespace
}  // namespace vmm::acpi
