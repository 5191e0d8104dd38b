#include "vmm/acpi/dsdt.h"

#include <algorithm>
#include <string>

#include "vmm/acpi/aml.h"
#include "vmm/acpi/table.h"
#include "vmm/platform.h"

namespace vmm::acpi {
namespace {

using aml::Code;
using aml::Integer;
using aml::Name;

constexpr uint64_t kBusSize = base::kMiB;  // of configuration space
constexpr unsigned kSlots = 32;
constexpr unsigned kPins = 4;

// What the operating system may control on its own (PCI Firmware 3.3, 4.5.1): native hot-plug,
// PME, AER and the capability structure. Nothing in this machine competes for them.
constexpr uint64_t kGrantedControls = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4;
constexpr const char* kPciHostUuid = "33db4d5b-1ff7-401c-9657-7441c03dd766";

// Status bits of the first double word (ACPI 6.5, 6.2.11).
constexpr uint64_t kUnknownUuid = 1 << 2;
constexpr uint64_t kUnknownRevision = 1 << 3;
constexpr uint64_t kCapabilitiesMasked = 1 << 4;

Code OrInto(const char* name, uint64_t bits) {
  return aml::Or(aml::Path(name), Integer(bits), aml::Path(name));
}

Code OperatingSystemCapabilities() {
  const Code buffer = aml::Argument(3);
  const Code allowed = aml::Local(0);
  const std::vector<Code> pci = {
      aml::CreateDwordField(buffer, Integer(8), "CDW3"),
      aml::If(aml::NotEqual(aml::Argument(1), Integer(1)), {OrInto("CDW1", kUnknownRevision)}),
      aml::And(aml::Path("CDW3"), Integer(kGrantedControls), allowed),
      aml::If(aml::NotEqual(aml::Path("CDW3"), allowed), {OrInto("CDW1", kCapabilitiesMasked)}),
      aml::Store(allowed, aml::Path("CDW3")),
  };
  return aml::Method("_OSC", 4,
                     {aml::CreateDwordField(buffer, Integer(0), "CDW1"),
                      aml::If(aml::Equal(aml::Argument(0), aml::Uuid(kPciHostUuid)), pci),
                      aml::Else({OrInto("CDW1", kUnknownUuid)}), aml::Return(buffer)});
}

// ACPI 6.5, 6.2.13: with a source of 0 the index is the global system interrupt.
Code InterruptRouting() {
  std::vector<Code> entries;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    for (unsigned pin = 0; pin < kPins; ++pin) {
      entries.push_back(aml::Package(
          {Integer(slot << 16 | 0xffff), Integer(pin), Integer(0), Integer(IntxGsi(slot, pin))}));
    }
  }
  return Name("_PRT", aml::Package(entries));
}

Code BridgeWindows(const Layout& layout) {
  const uint64_t buses = std::clamp<uint64_t>(layout.ecam.size / kBusSize, 1, 256);
  std::vector<Code> windows = {
      aml::BusWindow(0, static_cast<uint16_t>(buses - 1)),
      aml::IoPort(kPciConfigPorts, 8),
      aml::IoWindow(0, kPciConfigPorts - 1),
      aml::IoWindow(kPciConfigPorts + 8, 0xffff),
  };
  if (!layout.mmio32.empty()) windows.push_back(aml::Memory32Window(layout.mmio32));
  if (!layout.mmio64.empty()) windows.push_back(aml::Memory64Window(layout.mmio64));
  return Name("_CRS", aml::ResourceTemplate(windows));
}

Code HostBridge(const Layout& layout) {
  return aml::Device("PCI0",
                     {Name("_HID", aml::EisaId("PNP0A08")), Name("_CID", aml::EisaId("PNP0A03")),
                      Name("_UID", Integer(0)), Name("_SEG", Integer(0)), Name("_BBN", Integer(0)),
                      BridgeWindows(layout), InterruptRouting(), OperatingSystemCapabilities()});
}

// The configuration space must be reserved by a device, or Linux does not use it (PCI Firmware 3.3,
// 4.1.2).
Code BoardResources(const Layout& layout) {
  std::vector<Code> resources = {aml::IoPort(kPmRegistersBase, kPmRegistersSize)};
  if (!layout.ecam.empty()) resources.push_back(aml::Memory32Fixed(layout.ecam));
  return aml::Device("MBRD", {Name("_HID", aml::EisaId("PNP0C02")), Name("_UID", Integer(0)),
                              Name("_CRS", aml::ResourceTemplate(resources))});
}

Code Serial(unsigned index) {
  const SerialPort& port = kSerialPorts[index];
  return aml::Device(
      "COM" + std::to_string(index + 1),
      {Name("_HID", aml::EisaId("PNP0501")), Name("_UID", Integer(index + 1)),
       Name("_CRS", aml::ResourceTemplate({aml::IoPort(port.base, 8), aml::Irq(port.gsi)}))});
}

Code RealTimeClock() {
  constexpr uint16_t kPort = 0x70;
  constexpr unsigned kIrq = 8;
  return aml::Device(
      "RTC_", {Name("_HID", aml::EisaId("PNP0B00")),
               Name("_CRS", aml::ResourceTemplate({aml::IoPort(kPort, 2), aml::Irq(kIrq)}))});
}

// The type for PM1 control, the same for a second register that is not there, two reserved values
// (ACPI 6.5, 7.4.2).
Code SoftOff() {
  return Name("_S5_",
              aml::Package({Integer(kSleepTypeS5), Integer(kSleepTypeS5), Integer(0), Integer(0)}));
}

}  // namespace

std::vector<std::byte> MakeDsdt(const AcpiRequest& request) {
  std::vector<Code> devices = {HostBridge(request.layout), BoardResources(request.layout)};
  for (unsigned index = 0; index < std::min<size_t>(request.serial_ports, kSerialPorts.size());
       ++index) {
    devices.push_back(Serial(index));
  }
  if (request.real_time_clock) devices.push_back(RealTimeClock());
  Table table("DSDT", 2);  // revision 2: integers have 64 bits
  table.AppendBytes(aml::Join({aml::Scope("_SB", devices), SoftOff()}));
  return table.Finish();
}

}  // namespace vmm::acpi
