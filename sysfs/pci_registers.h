// The registers of configuration space by name: offsets, and fields with their bits.
//
// Offsets of `header` count from the start of configuration space, all others from the start of
// their capability. Sources: PCI Local Bus 3.0, section 6.1 (header), 6.8 (MSI, MSI-X); PCI Power
// Management 1.2, section 3.2; PCI Express Base 6.0, section 7.5.3 (PCI Express) and 7.7 to 7.9
// (extended capabilities), 9.3.3 (SR-IOV).
#pragma once

#include <cstdint>

#include "sysfs/base/bits.h"

namespace sysfs {

inline constexpr size_t kConfigSize = 256;
inline constexpr size_t kExtendedConfigSize = 4096;

enum class CapabilityId : uint8_t {
  kNull = 0x00,
  kPowerManagement = 0x01,
  kAgp = 0x02,
  kVpd = 0x03,
  kSlotId = 0x04,
  kMsi = 0x05,
  kCompactPciHotSwap = 0x06,
  kPciX = 0x07,
  kHyperTransport = 0x08,
  kVendorSpecific = 0x09,
  kDebugPort = 0x0a,
  kHotPlug = 0x0c,
  kSubsystemId = 0x0d,
  kExpress = 0x10,
  kMsix = 0x11,
  kSata = 0x12,
  kAdvancedFeatures = 0x13,
  kEnhancedAllocation = 0x14,
};

enum class ExtendedId : uint16_t {
  kNull = 0x0000,
  kErrorReporting = 0x0001,  // AER
  kVirtualChannel = 0x0002,
  kSerialNumber = 0x0003,
  kPowerBudgeting = 0x0004,
  kVendorSpecific = 0x000b,
  kAcs = 0x000d,
  kAri = 0x000e,
  kAts = 0x000f,
  kSriov = 0x0010,
  kMulticast = 0x0012,
  kPageRequest = 0x0013,
  kResizableBar = 0x0015,
  kDynamicPower = 0x0016,
  kTph = 0x0017,
  kLatencyTolerance = 0x0018,
  kSecondaryExpress = 0x0019,
  kPasid = 0x001b,
  kDownstreamPortContainment = 0x001d,
  kL1Substates = 0x001e,
  kPrecisionTime = 0x001f,
  kDesignatedVendor = 0x0023,
  kVfResizableBar = 0x0024,
  kDataLinkFeature = 0x0025,
  kPhysicalLayer16 = 0x0026,
  kLaneMargining = 0x0027,
  kDataObjectExchange = 0x002e,
};

namespace registers {

using base::Field;

namespace header {
inline constexpr uint16_t kVendor = 0x00;
inline constexpr uint16_t kDevice = 0x02;
inline constexpr uint16_t kCommand = 0x04;
inline constexpr uint16_t kStatus = 0x06;
inline constexpr uint16_t kRevision = 0x08;
inline constexpr uint16_t kClass = 0x09;  // three bytes: interface, subclass, base class
inline constexpr uint16_t kCacheLine = 0x0c;
inline constexpr uint16_t kLatencyTimer = 0x0d;
inline constexpr uint16_t kType = 0x0e;
inline constexpr uint16_t kBist = 0x0f;
inline constexpr uint16_t kBar0 = 0x10;
inline constexpr uint16_t kCardbusCapabilities = 0x14;  // header type 2 only
inline constexpr uint16_t kCardbusCis = 0x28;
inline constexpr uint16_t kSubsystemVendor = 0x2c;
inline constexpr uint16_t kSubsystem = 0x2e;
inline constexpr uint16_t kRom = 0x30;
inline constexpr uint16_t kCapabilities = 0x34;
inline constexpr uint16_t kInterruptLine = 0x3c;
inline constexpr uint16_t kInterruptPin = 0x3d;
inline constexpr uint16_t kEnd = 0x40;
inline constexpr unsigned kBarCount = 6;
// In kType.
using Layout = Field<6, 0>;
using MultiFunction = Field<7>;
inline constexpr uint8_t kEndpointLayout = 0;
inline constexpr uint8_t kBridgeLayout = 1;
inline constexpr uint8_t kCardbusLayout = 2;
}  // namespace header

// A header of layout 1 (PCIe 6.0, 7.5.1.3).
namespace bridge {
inline constexpr uint16_t kPrimaryBus = 0x18;
inline constexpr uint16_t kSecondaryBus = 0x19;
inline constexpr uint16_t kSubordinateBus = 0x1a;
inline constexpr uint16_t kIoBase = 0x1c;
inline constexpr uint16_t kIoLimit = 0x1d;
inline constexpr uint16_t kMemoryBase = 0x20;
inline constexpr uint16_t kMemoryLimit = 0x22;
inline constexpr uint16_t kPrefetchBase = 0x24;
inline constexpr uint16_t kPrefetchLimit = 0x26;
inline constexpr uint16_t kPrefetchBaseHigh = 0x28;
inline constexpr uint16_t kPrefetchLimitHigh = 0x2c;
inline constexpr uint16_t kControl = 0x3e;
// In kControl.
using SecondaryReset = Field<6>;
}  // namespace bridge

namespace command {
using IoSpace = Field<0>;
using MemorySpace = Field<1>;
using BusMaster = Field<2>;
using SpecialCycles = Field<3>;
using WriteInvalidate = Field<4>;
using VgaSnoop = Field<5>;
using ParityResponse = Field<6>;
using SystemError = Field<8>;
using FastBackToBack = Field<9>;
using InterruptDisable = Field<10>;
}  // namespace command

namespace status {
using InterruptStatus = Field<3>;
using CapabilityList = Field<4>;
// Cleared by writing one: data parity, signalled and received aborts, system and parity error.
inline constexpr uint16_t kClearOnOne = 0xf900;
}  // namespace status

namespace bar {
using IsIo = Field<0>;
using MemoryType = Field<2, 1>;  // 0: 32 bits, 2: 64 bits
using Prefetchable = Field<3>;
inline constexpr uint32_t kMemory64 = 2;
inline constexpr uint32_t kMemoryFlags = 0xf;
inline constexpr uint32_t kIoFlags = 0x3;
using RomEnable = Field<0>;
inline constexpr uint32_t kRomAddress = 0xfffff800;
}  // namespace bar

namespace capability {
inline constexpr uint16_t kId = 0;
inline constexpr uint16_t kNext = 1;
// The header of an extended capability, 32 bits.
using ExtendedIdField = Field<15, 0>;
using ExtendedVersion = Field<19, 16>;
using ExtendedNext = Field<31, 20>;
inline constexpr uint16_t kFirstExtended = 0x100;
inline constexpr uint8_t kPointerMask = 0xfc;
inline constexpr uint16_t kExtendedPointerMask = 0xffc;
}  // namespace capability

namespace msi {
inline constexpr uint16_t kControl = 2;
inline constexpr uint16_t kAddress = 4;
inline constexpr uint16_t kAddressHigh = 8;  // with Is64Bit
inline constexpr uint16_t kData32 = 8;
inline constexpr uint16_t kData64 = 12;
inline constexpr uint16_t kMask32 = 12;  // with HasMask
inline constexpr uint16_t kPending32 = 16;
inline constexpr uint16_t kMask64 = 16;
inline constexpr uint16_t kPending64 = 20;
using Enable = Field<0>;
using VectorsCapable = Field<3, 1>;  // log2 of the number
using VectorsEnabled = Field<6, 4>;  // log2 of the number
using Is64Bit = Field<7>;
using HasMask = Field<8>;
using ExtendedDataCapable = Field<9>;
using ExtendedDataEnable = Field<10>;
inline constexpr unsigned kMostVectorsLog2 = 5;

constexpr uint16_t Size(uint16_t control) {
  const bool wide = Is64Bit::Get(control) != 0;
  const bool masked = HasMask::Get(control) != 0;
  if (masked) return wide ? 24 : 20;
  return wide ? 14 : 10;
}
}  // namespace msi

namespace msix {
inline constexpr uint16_t kControl = 2;
inline constexpr uint16_t kTable = 4;
inline constexpr uint16_t kPending = 8;
inline constexpr uint16_t kSize = 12;
// In kControl.
using TableSize = Field<10, 0>;  // number of vectors less one
using FunctionMask = Field<14>;
using Enable = Field<15>;
// In kTable and kPending.
using BarIndex = Field<2, 0>;
inline constexpr uint32_t kOffsetMask = ~uint32_t{7};
// A table entry.
inline constexpr uint16_t kEntrySize = 16;
inline constexpr uint16_t kEntryAddress = 0;
inline constexpr uint16_t kEntryAddressHigh = 4;
inline constexpr uint16_t kEntryData = 8;
inline constexpr uint16_t kEntryControl = 12;
using EntryMask = Field<0>;
inline constexpr unsigned kMostVectors = 2048;
}  // namespace msix

namespace power {
inline constexpr uint16_t kCapabilities = 2;
inline constexpr uint16_t kControl = 4;
inline constexpr uint16_t kSize = 8;
// In kCapabilities.
using Version = Field<2, 0>;
using PmeSupport = Field<15, 11>;
// In kControl.
using State = Field<1, 0>;  // D0 to D3hot
using NoSoftReset = Field<3>;
using PmeEnable = Field<8>;
using PmeStatus = Field<15>;
}  // namespace power

namespace express {
inline constexpr uint16_t kCapabilities = 0x02;
inline constexpr uint16_t kDeviceCapabilities = 0x04;
inline constexpr uint16_t kDeviceControl = 0x08;
inline constexpr uint16_t kDeviceStatus = 0x0a;
inline constexpr uint16_t kLinkCapabilities = 0x0c;
inline constexpr uint16_t kLinkControl = 0x10;
inline constexpr uint16_t kLinkStatus = 0x12;
inline constexpr uint16_t kSlotCapabilities = 0x14;
inline constexpr uint16_t kSlotControl = 0x18;
inline constexpr uint16_t kSlotStatus = 0x1a;
inline constexpr uint16_t kRootControl = 0x1c;
inline constexpr uint16_t kDeviceCapabilities2 = 0x24;
inline constexpr uint16_t kDeviceControl2 = 0x28;
inline constexpr uint16_t kLinkCapabilities2 = 0x2c;
inline constexpr uint16_t kLinkControl2 = 0x30;
inline constexpr uint16_t kSize1 = 0x14;  // version 1, endpoint
inline constexpr uint16_t kSize2 = 0x3c;  // version 2
// In kCapabilities.
using Version = Field<3, 0>;
using PortType = Field<7, 4>;
using SlotImplemented = Field<8>;
using InterruptMessage = Field<13, 9>;
inline constexpr uint16_t kEndpoint = 0;
inline constexpr uint16_t kLegacyEndpoint = 1;
inline constexpr uint16_t kRootPort = 4;
inline constexpr uint16_t kUpstreamPort = 5;
inline constexpr uint16_t kDownstreamPort = 6;
inline constexpr uint16_t kToPciBridge = 7;
inline constexpr uint16_t kFromPciBridge = 8;
inline constexpr uint16_t kIntegratedEndpoint = 9;
inline constexpr uint16_t kEventCollector = 10;
// In kDeviceCapabilities, kDeviceControl.
using MaxPayloadSupported = Field<2, 0>;
using FunctionLevelReset = Field<28>;
using MaxPayload = Field<7, 5>;
using MaxReadRequest = Field<14, 12>;
using InitiateReset = Field<15>;
// In kDeviceStatus.
using TransactionsPending = Field<5>;
// In kLinkCapabilities and kLinkStatus.
using LinkSpeed = Field<3, 0>;
using LinkWidth = Field<9, 4>;
using LinkPowerSaving = Field<11, 10>;  // in kLinkCapabilities
using ReportsLinkActive = Field<20>;    // in kLinkCapabilities
using LinkActive = Field<13>;           // in kLinkStatus
// In kSlotControl and kSlotStatus: an event is enabled and told by the same bit.
using AttentionButton = Field<0>;
using PresenceChanged = Field<3>;
using LinkStateChanged = Field<8>;         // in kSlotStatus
using LinkStateChangedEnable = Field<12>;  // in kSlotControl
using HotPlugInterrupt = Field<5>;         // in kSlotControl
using AttentionIndicator = Field<7, 6>;
using PowerIndicator = Field<9, 8>;
using PowerOff = Field<10>;  // in kSlotControl
using Presence = Field<6>;   // in kSlotStatus
inline constexpr uint16_t kIndicatorOn = 1;
inline constexpr uint16_t kIndicatorOff = 3;
// In kSlotCapabilities.
using HasAttentionButton = Field<0>;
using HasPowerController = Field<1>;
using HasAttentionIndicator = Field<3>;
using HasPowerIndicator = Field<4>;
using SurpriseRemoval = Field<5>;
using HotPlugCapable = Field<6>;
using NoCommandCompleted = Field<18>;
using PhysicalSlot = Field<31, 19>;
// In kDeviceControl2.
using AriForwarding = Field<5>;
}  // namespace express

// Conventional PCI (PCI Engineering Change Notice "Advanced Capabilities", 2006).
namespace advanced {
inline constexpr uint16_t kCapabilities = 3;
inline constexpr uint16_t kControl = 4;
// In kCapabilities.
using TransactionsPending = Field<0>;
using FunctionLevelReset = Field<1>;
// In kControl.
using InitiateReset = Field<0>;
}  // namespace advanced

namespace acs {
inline constexpr uint16_t kCapabilities = 4;
inline constexpr uint16_t kControl = 6;
using SourceValidation = Field<0>;
using TranslationBlocking = Field<1>;
using RequestRedirect = Field<2>;
using CompletionRedirect = Field<3>;
using UpstreamForwarding = Field<4>;
using EgressControl = Field<5>;
using DirectTranslated = Field<6>;
}  // namespace acs

namespace ari {
inline constexpr uint16_t kCapabilities = 4;
inline constexpr uint16_t kControl = 6;
using NextFunction = Field<15, 8>;
}  // namespace ari

namespace ats {
inline constexpr uint16_t kCapabilities = 4;
inline constexpr uint16_t kControl = 6;
using Enable = Field<15>;
}  // namespace ats

namespace pasid {
inline constexpr uint16_t kCapabilities = 4;
inline constexpr uint16_t kControl = 6;
using MaxWidth = Field<12, 8>;
using Enable = Field<0>;
}  // namespace pasid

namespace sriov {
inline constexpr uint16_t kCapabilities = 0x04;
inline constexpr uint16_t kControl = 0x08;
inline constexpr uint16_t kStatus = 0x0a;
inline constexpr uint16_t kInitialVfs = 0x0c;
inline constexpr uint16_t kTotalVfs = 0x0e;
inline constexpr uint16_t kNumVfs = 0x10;
inline constexpr uint16_t kFirstVfOffset = 0x14;
inline constexpr uint16_t kVfStride = 0x16;
inline constexpr uint16_t kVfDevice = 0x1a;
inline constexpr uint16_t kSupportedPageSizes = 0x1c;
inline constexpr uint16_t kSystemPageSize = 0x20;
inline constexpr uint16_t kBar0 = 0x24;
inline constexpr uint16_t kSize = 0x40;
// In kControl.
using VfEnable = Field<0>;
using VfMemorySpace = Field<3>;
using AriHierarchy = Field<4>;
}  // namespace sriov

namespace rebar {
// One pair of registers for each resizable BAR, the first at kFirst.
inline constexpr uint16_t kFirst = 4;
inline constexpr uint16_t kEntrySize = 8;
inline constexpr uint16_t kEntryCapabilities = 0;
inline constexpr uint16_t kEntryControl = 4;
using Sizes = Field<31, 4>;  // bit n: 2^n MiB
using BarIndex = Field<2, 0>;
using BarCount = Field<7, 5>;  // in the first pair only
using BarSize = Field<13, 8>;  // 2^n MiB
}  // namespace rebar

}  // namespace registers
}  // namespace sysfs
