#include "vmm/acpi/fixed_tables.h"

#include <algorithm>
#include <cstring>

#include "vmm/acpi/table.h"
#include "vmm/platform.h"

namespace vmm::acpi {
namespace {

constexpr uint8_t kSystemIo = 1;
constexpr uint8_t kByteAccess = 1;
constexpr uint8_t kWordAccess = 2;
constexpr uint8_t kDwordAccess = 3;

// A generic address structure (ACPI 6.5, 5.2.3.2).
void SetPort(Table& table, size_t offset, uint16_t port, uint8_t bits, uint8_t access) {
  table.Set<uint8_t>(offset, kSystemIo);
  table.Set<uint8_t>(offset + 1, bits);
  table.Set<uint8_t>(offset + 3, access);
  table.Set<uint64_t>(offset + 4, port);
}

// Boot architecture flags (5.2.9.3).
constexpr uint16_t kLegacyDevices = 1 << 0;
constexpr uint16_t kKeyboardController = 1 << 1;
constexpr uint16_t kVgaNotPresent = 1 << 2;
constexpr uint16_t kRtcNotPresent = 1 << 5;

// Feature flags (table 5.10). The power button is a fixed one as its flag is clear.
constexpr uint32_t kWbinvd = 1 << 0;
constexpr uint32_t kC1Supported = 1 << 2;
constexpr uint32_t kNoSleepButton = 1 << 5;
constexpr uint32_t kNoFixedRtcWake = 1 << 6;
constexpr uint32_t kResetRegister = 1 << 10;

uint16_t BootArchitecture(const AcpiRequest& request) {
  unsigned flags = kLegacyDevices | kVgaNotPresent;
  if (request.keyboard_controller) flags |= kKeyboardController;
  if (!request.real_time_clock) flags |= kRtcNotPresent;
  return static_cast<uint16_t>(flags);
}

// Interrupt polarity and trigger (table 5.21): active high, level.
constexpr uint16_t kActiveHighLevel = 0x000d;

void AddOverride(Table& madt, uint8_t source, uint32_t gsi, uint16_t flags) {
  madt.Append<uint8_t>(2);
  madt.Append<uint8_t>(10);
  madt.Append<uint8_t>(0);  // ISA
  madt.Append<uint8_t>(source);
  madt.Append<uint32_t>(gsi);
  madt.Append<uint16_t>(flags);
}

constexpr uint32_t kEnabled = 1;
constexpr uint32_t kFirstX2ApicId = 255;

void AddProcessor(Table& madt, uint32_t uid, uint32_t apic_id) {
  if (apic_id < kFirstX2ApicId && uid < kFirstX2ApicId) {
    madt.Append<uint8_t>(0);
    madt.Append<uint8_t>(8);
    madt.Append<uint8_t>(static_cast<uint8_t>(uid));
    madt.Append<uint8_t>(static_cast<uint8_t>(apic_id));
    madt.Append<uint32_t>(kEnabled);
    return;
  }
  madt.Append<uint8_t>(9);
  madt.Append<uint8_t>(16);
  madt.Append<uint16_t>(0);
  madt.Append<uint32_t>(apic_id);
  madt.Append<uint32_t>(kEnabled);
  madt.Append<uint32_t>(uid);
}

void AddIoApic(Table& madt) {
  madt.Append<uint8_t>(1);
  madt.Append<uint8_t>(12);
  madt.Append<uint8_t>(0);  // the number that KVM's I/O APIC has after a reset
  madt.Append<uint8_t>(0);
  madt.Append<uint32_t>(static_cast<uint32_t>(kIoApicBase));
  madt.Append<uint32_t>(0);  // its first interrupt
}

// LINT1 of all processors is the NMI, edge-triggered and active high.
void AddNmi(Table& madt) {
  madt.Append<uint8_t>(4);
  madt.Append<uint8_t>(6);
  madt.Append<uint8_t>(0xff);
  madt.Append<uint16_t>(0);
  madt.Append<uint8_t>(1);
}

}  // namespace

std::vector<std::byte> MakeFacs() {
  std::vector<std::byte> bytes(64);
  std::memcpy(bytes.data(), "FACS", 4);
  base::StoreLe<uint32_t>(bytes, 4, static_cast<uint32_t>(bytes.size()));
  base::StoreLe<uint8_t>(bytes, 32, 2);  // version
  return bytes;
}

// ACPI 6.5, 5.2.9. Without an SMI command port the machine is in ACPI mode from the start.
std::vector<std::byte> MakeFadt(const AcpiRequest& request, uint32_t facs, uint32_t dsdt) {
  Table fadt("FACP", 6, 276);
  fadt.Set<uint32_t>(36, facs);
  fadt.Set<uint32_t>(40, dsdt);
  fadt.Set<uint16_t>(46, kSciGsi);
  fadt.Set<uint32_t>(56, kPm1EventPort);
  fadt.Set<uint32_t>(64, kPm1ControlPort);
  fadt.Set<uint32_t>(76, kPmTimerPort);
  fadt.Set<uint8_t>(88, 4);                                    // length of the PM1 event block,
  fadt.Set<uint8_t>(89, 2);                                    // of the control block
  fadt.Set<uint8_t>(91, 4);                                    // and of the timer
  fadt.Set<uint16_t>(96, 101);                                 // no C2
  fadt.Set<uint16_t>(98, 1001);                                // no C3
  fadt.Set<uint8_t>(108, request.real_time_clock ? 0x32 : 0);  // where the century stands
  fadt.Set<uint16_t>(109, BootArchitecture(request));
  fadt.Set<uint32_t>(112,
                     kWbinvd | kC1Supported | kNoSleepButton | kNoFixedRtcWake | kResetRegister);
  SetPort(fadt, 116, kResetPort, 8, kByteAccess);
  fadt.Set<uint8_t>(128, kResetValue);
  fadt.Set<uint8_t>(131, 5);  // minor version: 6.5
  fadt.Set<uint64_t>(140, dsdt);
  SetPort(fadt, 148, kPm1EventPort, 32, kWordAccess);
  SetPort(fadt, 172, kPm1ControlPort, 16, kWordAccess);
  SetPort(fadt, 208, kPmTimerPort, 32, kDwordAccess);
  return fadt.Finish();
}

// ACPI 6.5, 5.2.12.
std::vector<std::byte> MakeMadt(const AcpiRequest& request) {
  constexpr uint32_t kDualPic = 1;
  Table madt("APIC", 6);
  madt.Append<uint32_t>(static_cast<uint32_t>(kLocalApicBase));
  madt.Append<uint32_t>(kDualPic);
  for (uint32_t cpu = 0; cpu < request.cpu_count; ++cpu) {
    AddProcessor(madt, cpu, cpu < request.apic_ids.size() ? request.apic_ids[cpu] : cpu);
  }
  AddIoApic(madt);
  AddOverride(madt, 0, 2, 0);  // the timer
  AddOverride(madt, kSciGsi, kSciGsi, kActiveHighLevel);
  AddNmi(madt);
  return madt.Finish();
}

// PCI Firmware 3.3, 4.1.2.
std::vector<std::byte> MakeMcfg(const Layout& layout) {
  const uint64_t buses = std::clamp<uint64_t>(layout.ecam.size / base::kMiB, 1, 256);
  Table mcfg("MCFG", 1);
  mcfg.Append<uint64_t>(0);
  mcfg.Append<uint64_t>(layout.ecam.base);
  mcfg.Append<uint16_t>(0);  // segment
  mcfg.Append<uint8_t>(0);
  mcfg.Append<uint8_t>(static_cast<uint8_t>(buses - 1));
  mcfg.Append<uint32_t>(0);
  return mcfg.Finish();
}

std::vector<std::byte> MakeXsdt(std::span<const uint64_t> tables) {
  Table xsdt("XSDT", 1);
  for (const uint64_t address : tables) xsdt.Append<uint64_t>(address);
  return xsdt.Finish();
}

// ACPI 6.5, 5.2.5.3: one checksum over the part of revision 1, one over all.
std::vector<std::byte> MakeRsdp(uint64_t xsdt) {
  constexpr size_t kOldSize = 20;
  std::vector<std::byte> bytes(36);
  std::memcpy(bytes.data(), "RSD PTR ", 8);
  std::memcpy(bytes.data() + 9, "VASSGN", 6);
  base::StoreLe<uint8_t>(bytes, 15, 2);
  base::StoreLe<uint32_t>(bytes, 20, static_cast<uint32_t>(bytes.size()));
  base::StoreLe<uint64_t>(bytes, 24, xsdt);
  base::StoreLe<uint8_t>(bytes, 8, static_cast<uint8_t>(-Sum(std::span(bytes).first(kOldSize))));
  base::StoreLe<uint8_t>(bytes, 32, static_cast<uint8_t>(-Sum(bytes)));
  return bytes;
}

}  // namespace vmm::acpi
