// Bits of configuration registers as masks of the registers' own widths; names and places are those
// of sysfs/pci_registers.h.
#pragma once

#include <cstdint>

#include "sysfs/pci_registers.h"

namespace vmm::pci {

namespace header = sysfs::registers::header;

inline constexpr uint16_t kConfigSize = sysfs::kConfigSize;
inline constexpr uint16_t kExtendedConfigSize = sysfs::kExtendedConfigSize;
inline constexpr uint16_t kBarsEnd = header::kBar0 + 4 * header::kBarCount;

template <class Field>
inline constexpr auto kBits16 = static_cast<uint16_t>(Field::kMask);
template <class Field>
inline constexpr auto kBits8 = static_cast<uint8_t>(Field::kMask);

inline constexpr uint16_t kCommandIo = kBits16<sysfs::registers::command::IoSpace>;
inline constexpr uint16_t kCommandMemory = kBits16<sysfs::registers::command::MemorySpace>;
inline constexpr uint16_t kCommandMaster = kBits16<sysfs::registers::command::BusMaster>;
inline constexpr uint16_t kCommandParity = kBits16<sysfs::registers::command::ParityResponse>;
inline constexpr uint16_t kCommandSerr = kBits16<sysfs::registers::command::SystemError>;
inline constexpr uint16_t kCommandIntxDisable =
    kBits16<sysfs::registers::command::InterruptDisable>;
// With one of these on, a function can do something.
inline constexpr uint16_t kCommandWork = kCommandIo | kCommandMemory | kCommandMaster;
inline constexpr uint8_t kStatusInterrupt = kBits8<sysfs::registers::status::InterruptStatus>;
inline constexpr uint8_t kStatusCapabilities = kBits8<sysfs::registers::status::CapabilityList>;
inline constexpr uint8_t kMultiFunction = kBits8<header::MultiFunction>;

inline constexpr uint32_t kBarIo = 1;
inline constexpr uint32_t kBarType64 = sysfs::registers::bar::kMemory64 << 1;
inline constexpr uint32_t kBarPrefetchable = 1u << 3;

inline constexpr uint16_t kMsiEnable = kBits16<sysfs::registers::msi::Enable>;
inline constexpr uint16_t kMsiVectorsEnabled = kBits16<sysfs::registers::msi::VectorsEnabled>;
inline constexpr uint16_t kMsi64Bit = kBits16<sysfs::registers::msi::Is64Bit>;
inline constexpr uint16_t kMsiMaskable = kBits16<sysfs::registers::msi::HasMask>;
inline constexpr uint16_t kMsixEnable = kBits16<sysfs::registers::msix::Enable>;
inline constexpr uint16_t kMsixFunctionMask = kBits16<sysfs::registers::msix::FunctionMask>;

}  // namespace vmm::pci
