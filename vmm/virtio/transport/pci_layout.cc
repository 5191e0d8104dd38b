#include "vmm/virtio/transport/pci_layout.h"

#include <fmt/format.h>

#include "sysfs/pci_registers.h"
#include "vmm/pci/bars.h"
#include "vmm/pci/registers.h"

namespace vmm::virtio {
namespace {

namespace express = sysfs::registers::express;
namespace header = sysfs::registers::header;
namespace msix = sysfs::registers::msix;
namespace power = sysfs::registers::power;
using sysfs::CapabilityId;

constexpr uint16_t kVendor = 0x1af4;
constexpr uint16_t kFirstDevice = 0x1040;
constexpr uint16_t kSubsystem = 0x0040;  // at least this for a device that is not transitional
constexpr uint8_t kRevision = 1;

enum Structure : uint8_t { kCommon = 1, kNotify = 2, kIsr = 3, kConfig = 4, kWindow = 5 };

constexpr uint16_t kCommonCapability = 0x40;
constexpr uint16_t kNotifyCapability = 0x50;
constexpr uint16_t kIsrCapability = 0x64;
constexpr uint16_t kConfigCapability = 0x74;
constexpr uint16_t kPowerCapability = 0xa4;
constexpr uint16_t kExpressCapability = 0xac;
constexpr uint8_t kCapabilityBytes = 16;
constexpr uint8_t kLongCapabilityBytes = 20;

constexpr uint16_t At(uint16_t base, unsigned reg) { return static_cast<uint16_t>(base + reg); }

void Link(pci::ConfigSpace& space, uint16_t at, CapabilityId id, uint16_t next) {
  space.Own(at, Width::k2, static_cast<uint32_t>(id) | uint32_t{next} << 8);
}

// struct virtio_pci_cap (4.1.4).
void OwnStructure(pci::ConfigSpace& space, uint16_t at, uint16_t next, Structure kind,
                  uint64_t place, uint64_t bytes) {
  const bool is_long = kind == kNotify || kind == kWindow;
  Link(space, at, CapabilityId::kVendorSpecific, next);
  space.Own(At(at, 2), Width::k1, is_long ? kLongCapabilityBytes : kCapabilityBytes);
  space.Own(At(at, 3), Width::k1, kind);
  space.Own(At(at, 4), Width::k1, kBar);
  space.Own(At(at, 8), Width::k4, static_cast<uint32_t>(place));
  space.Own(At(at, 12), Width::k4, static_cast<uint32_t>(bytes));
}

void OwnWindow(pci::ConfigSpace& space, uint16_t at) {
  OwnStructure(space, at, kMsixCapability, kWindow, 0, 0);
  space.Own(At(at, 4), Width::k1, 0, 0xff);
  space.Own(At(at, 8), Width::k4, 0, ~0u);
  space.Own(At(at, 12), Width::k4, 0, ~0u);
  space.Own(At(at, 16), Width::k4, 0, ~0u);
}

void OwnHeader(const DeviceModel& model, pci::ConfigSpace& space) {
  const auto device = static_cast<uint16_t>(kFirstDevice + model.kind.type);
  space.Own(header::kVendor, Width::k4, kVendor | uint32_t{device} << 16);
  space.Own(header::kCommand, Width::k2, 0,
            uint32_t{pci::kCommandMemory} | pci::kCommandMaster | pci::kCommandParity |
                pci::kCommandSerr | pci::kCommandIntxDisable);
  space.Own(header::kStatus, Width::k2, pci::kStatusCapabilities);
  space.Own(header::kRevision, Width::k4, kRevision | model.kind.device_class << 8);
  space.Own(header::kCacheLine, Width::k1, 0, 0xff);
  space.Own(header::kSubsystemVendor, Width::k4, kVendor | uint32_t{kSubsystem} << 16);
  space.Own(header::kCapabilities, Width::k1, kCommonCapability);
  space.Own(header::kInterruptLine, Width::k1, 0, 0xff);
  space.Own(header::kInterruptPin, Width::k1, 1);
  const pci::BarInfo bar = BarOf();
  pci::OwnBarRegisters(space, {&bar, 1});
}

void OwnMsix(const DeviceModel& model, pci::ConfigSpace& space) {
  Link(space, kMsixCapability, CapabilityId::kMsix, kPowerCapability);
  space.Own(At(kMsixCapability, msix::kControl), Width::k2, VectorsOf(model) - 1,
            uint32_t{pci::kMsixEnable} | pci::kMsixFunctionMask);
  space.Own(At(kMsixCapability, msix::kTable), Width::k4, uint32_t{kTablePlace} | kBar);
  space.Own(At(kMsixCapability, msix::kPending), Width::k4, uint32_t{kPendingPlace} | kBar);
}

// Behind a root port a guest expects a PCIe endpoint.
void OwnExpress(pci::ConfigSpace& space) {
  Link(space, kPowerCapability, CapabilityId::kPowerManagement, kExpressCapability);
  space.Own(At(kPowerCapability, power::kCapabilities), Width::k2, 3);  // version 3
  space.Own(At(kPowerCapability, power::kControl), Width::k2,
            static_cast<uint32_t>(power::NoSoftReset::kMask),
            static_cast<uint32_t>(power::State::kMask));
  Link(space, kExpressCapability, CapabilityId::kExpress, 0);
  space.Own(At(kExpressCapability, express::kCapabilities), Width::k2, 2);  // version 2, endpoint
  space.Own(At(kExpressCapability, express::kDeviceCapabilities), Width::k4, 1u << 15);
  space.Own(At(kExpressCapability, express::kDeviceControl), Width::k2, 0, 0x70ff);
  space.Own(At(kExpressCapability, express::kLinkCapabilities), Width::k4, 0x11);
  space.Own(At(kExpressCapability, express::kLinkControl), Width::k2, 0, 0x00c0);
  space.Own(At(kExpressCapability, express::kLinkStatus), Width::k2, 0x11);
  space.Own(At(kExpressCapability, express::kDeviceControl2), Width::k2, 0, 0x001f);
}

}  // namespace

unsigned VectorsOf(const DeviceModel& model) {
  return static_cast<unsigned>(model.queue_sizes.size()) + 1;
}

pci::BarInfo BarOf() { return {kBar, pci::BarKind::kMemory64, kBarBytes, true}; }

pci::ConfigSpace PlanConfigSpace(const DeviceModel& model) {
  pci::ConfigSpace space(pci::kExtendedConfigSize);
  space.OwnZero(0, pci::kExtendedConfigSize);
  OwnHeader(model, space);
  // Without configuration there is no such structure: Linux refuses one without bytes.
  const bool has_config = !model.config.empty();
  OwnStructure(space, kCommonCapability, kNotifyCapability, kCommon, kCommonPlace, 60);
  OwnStructure(space, kNotifyCapability, kIsrCapability, kNotify, kNotifyPlace,
               kNotifyMultiplier * model.queue_sizes.size());
  space.Own(At(kNotifyCapability, 16), Width::k4, kNotifyMultiplier);
  OwnStructure(space, kIsrCapability, has_config ? kConfigCapability : kWindowCapability, kIsr,
               kIsrPlace, 1);
  if (has_config) {
    OwnStructure(space, kConfigCapability, kWindowCapability, kConfig, kConfigPlace,
                 model.config.size());
  }
  OwnWindow(space, kWindowCapability);
  OwnMsix(model, space);
  OwnExpress(space);
  return space;
}

std::optional<WindowTarget> ReadWindow(const pci::ConfigSpace& config) {
  const uint32_t bar = config.Shadow(At(kWindowCapability, 4), Width::k1);
  const uint32_t offset = config.Shadow(At(kWindowCapability, 8), Width::k4);
  const uint32_t length = config.Shadow(At(kWindowCapability, 12), Width::k4);
  if (bar != kBar || (length != 1 && length != 2 && length != 4)) return std::nullopt;
  if (offset % length != 0 || offset >= kBarBytes) return std::nullopt;
  return WindowTarget{offset, static_cast<Width>(length)};
}

bool TouchesWindow(uint16_t offset, Width width) {
  return base::Range{offset, static_cast<uint64_t>(width)}.Overlaps({kWindowData, 4});
}

}  // namespace vmm::virtio
