// A virtio device as a PCI function: identity, capabilities and the places in its one BAR (virtio
// 1.2, 4.1).
//
// Modern only: revision 1, no I/O ports. The BAR is 64-bit and prefetchable, so that it fits behind
// a root port; each structure has a page to itself. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/pci/config_space.h"
#include "vmm/pci/function.h"
#include "vmm/virtio/device.h"

namespace vmm::virtio {

inline constexpr unsigned kBar = 0;
inline constexpr uint64_t kBarBytes = 0x8000;
inline constexpr uint64_t kCommonPlace = 0x0000;
inline constexpr uint64_t kIsrPlace = 0x1000;
inline constexpr uint64_t kConfigPlace = 0x2000;
inline constexpr uint64_t kNotifyPlace = 0x3000;
inline constexpr uint32_t kNotifyMultiplier = 4;
inline constexpr uint64_t kTablePlace = 0x6000;
inline constexpr uint64_t kPendingPlace = 0x7000;
inline constexpr uint64_t kPlaceBytes = 0x1000;
// What the pages have room for.
inline constexpr unsigned kMostQueues = 255;
inline constexpr size_t kMostConfigBytes = kPlaceBytes;

// Where the window to the BAR is in configuration space (4.1.4.9), and where MSI-X is.
inline constexpr uint16_t kWindowCapability = 0x84;
inline constexpr uint16_t kMsixCapability = 0x98;

// One for each queue and one for the configuration.
unsigned VectorsOf(const DeviceModel& model);
pci::BarInfo BarOf();
// As after a reset.
pci::ConfigSpace PlanConfigSpace(const DeviceModel& model);

// What the window shows, as the guest has set it: nothing unless it lies in the BAR and has a
// natural width.
struct WindowTarget {
  uint64_t offset = 0;
  Width width = Width::k1;
};
std::optional<WindowTarget> ReadWindow(const pci::ConfigSpace& config);
// Whether an access touches the data of the window.
bool TouchesWindow(uint16_t offset, Width width);
inline constexpr uint16_t kWindowData = kWindowCapability + 16;

}  // namespace vmm::virtio
