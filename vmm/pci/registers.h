// Configuration space registers that the guest's bus answers itself (PCI 3.0, 6.1; PCIe 6.0, 7.5).
#pragma once

#include <cstdint>

namespace vmm::pci {

inline constexpr uint16_t kConfigSize = 256;
inline constexpr uint16_t kExtendedConfigSize = 4096;

inline constexpr uint16_t kVendorId = 0x00;
inline constexpr uint16_t kCommand = 0x04;
inline constexpr uint16_t kStatus = 0x06;
inline constexpr uint16_t kClassRevision = 0x08;
inline constexpr uint16_t kHeaderType = 0x0e;
inline constexpr uint16_t kBar0 = 0x10;
inline constexpr uint16_t kBarsEnd = 0x28;
inline constexpr uint16_t kSubsystemVendorId = 0x2c;
inline constexpr uint16_t kRomBar = 0x30;
inline constexpr uint16_t kCapabilityPointer = 0x34;
inline constexpr uint16_t kInterruptLine = 0x3c;
inline constexpr uint16_t kInterruptPin = 0x3d;

inline constexpr uint16_t kCommandIo = 1u << 0;
inline constexpr uint16_t kCommandMemory = 1u << 1;
inline constexpr uint16_t kCommandMaster = 1u << 2;
inline constexpr uint16_t kCommandParity = 1u << 6;
inline constexpr uint16_t kCommandSerr = 1u << 8;
inline constexpr uint16_t kCommandIntxDisable = 1u << 10;
inline constexpr uint16_t kStatusInterrupt = 1u << 3;
inline constexpr uint16_t kStatusCapabilities = 1u << 4;
inline constexpr uint8_t kMultiFunction = 0x80;

inline constexpr uint32_t kBarIo = 1u << 0;
inline constexpr uint32_t kBarTypeMask = 3u << 1;
inline constexpr uint32_t kBarType64 = 2u << 1;
inline constexpr uint32_t kBarPrefetchable = 1u << 3;
inline constexpr uint32_t kBarMemoryFlags = 0xf;
inline constexpr uint32_t kBarIoFlags = 0x3;

// Message control of MSI (PCI 3.0, 6.8.1.3) and MSI-X (6.8.2.3).
inline constexpr uint16_t kMsiEnable = 1u << 0;
inline constexpr uint16_t kMsi64Bit = 1u << 7;
inline constexpr uint16_t kMsiMaskable = 1u << 8;
inline constexpr uint16_t kMsixEnable = 1u << 15;
inline constexpr uint16_t kMsixFunctionMask = 1u << 14;
inline constexpr uint16_t kMsixSizeMask = 0x7ff;

}  // namespace vmm::pci
