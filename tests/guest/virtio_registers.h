// Where a virtio-pci function has its structures (virtio 1.2, 4.1.4), and the registers of the
// common configuration (4.1.4.3).
#pragma once

#include <cstdint>

#include "tests/guest/pci.h"

namespace guest {

inline constexpr uint16_t kVirtioVendor = 0x1af4;
inline constexpr uint16_t kFirstVirtioDevice = 0x1040;

namespace virtio_register {
inline constexpr unsigned kDeviceSelect = 0;
inline constexpr unsigned kDeviceFeature = 4;
inline constexpr unsigned kDriverSelect = 8;
inline constexpr unsigned kDriverFeature = 12;
inline constexpr unsigned kConfigVector = 16;
inline constexpr unsigned kQueueCount = 18;
inline constexpr unsigned kStatus = 20;
inline constexpr unsigned kQueueSelect = 22;
inline constexpr unsigned kQueueSize = 24;
inline constexpr unsigned kQueueVector = 26;
inline constexpr unsigned kQueueEnable = 28;
inline constexpr unsigned kQueueNotifyOffset = 30;
inline constexpr unsigned kDescriptors = 32;
inline constexpr unsigned kDriverArea = 40;
inline constexpr unsigned kDeviceArea = 48;
inline constexpr unsigned kQueueReset = 58;
}  // namespace virtio_register

struct VirtioPlaces {
  uint64_t common = 0;
  uint64_t notify = 0;
  uint64_t isr = 0;
  uint64_t config = 0;
  uint32_t multiplier = 0;
  uint16_t window = 0;  // the capability by which configuration space shows the BAR

  // The device's own configuration may be missing.
  bool complete() const { return common != 0 && notify != 0 && isr != 0; }
};

VirtioPlaces FindVirtioPlaces(Function function);

}  // namespace guest
