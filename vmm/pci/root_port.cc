#include "vmm/pci/root_port.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

namespace bridge = sysfs::registers::bridge;
namespace capability = sysfs::registers::capability;
namespace express = sysfs::registers::express;
namespace power = sysfs::registers::power;
using sysfs::CapabilityId;

// A PCIe root port without driver or quirk in any guest (Red Hat's generic one).
constexpr uint32_t kIdentity = 0x000c'1b36;
constexpr uint32_t kBridgeClass = 0x060400'00;

constexpr uint16_t kExpress = 0x40;
constexpr uint16_t kMsi = 0x80;
constexpr uint16_t kPower = 0x90;
constexpr MsiLayout kMsiLayout = {kMsi, true, false, 1};
constexpr uint16_t kMsi64 = 0x80;  // message control: 64-bit address, one vector

constexpr uint16_t At(uint16_t base, unsigned reg) { return static_cast<uint16_t>(base + reg); }

void LinkCapability(ConfigSpace& config, uint16_t at, CapabilityId id, uint16_t next) {
  config.Own(at, Width::k2, static_cast<uint32_t>(id) | uint32_t{next} << 8);
}

void OwnBridgeHeader(ConfigSpace& config, uint8_t number) {
  config.Own(header::kVendor, Width::k4, kIdentity);
  config.Own(header::kRevision, Width::k4, kBridgeClass);
  config.Own(header::kCommand, Width::k2, 0,
             uint32_t{kCommandIo} | kCommandMemory | kCommandMaster | kCommandParity |
                 kCommandSerr | kCommandIntxDisable);
  config.Own(header::kStatus, Width::k2, kStatusCapabilities, 0);
  config.Own(header::kType, Width::k1, header::kBridgeLayout);
  config.Own(bridge::kPrimaryBus, Width::k1, 0, 0xff);
  config.Own(bridge::kSecondaryBus, Width::k1, number, 0xff);
  config.Own(bridge::kSubordinateBus, Width::k1, number, 0xff);
  config.Own(bridge::kIoBase, Width::k1, 0, 0xf0);
  config.Own(bridge::kIoLimit, Width::k1, 0, 0xf0);
  config.Own(bridge::kMemoryBase, Width::k2, 0, 0xfff0);
  config.Own(bridge::kMemoryLimit, Width::k2, 0, 0xfff0);
  config.Own(bridge::kPrefetchBase, Width::k2, 1, 0xfff0);  // 64-bit
  config.Own(bridge::kPrefetchLimit, Width::k2, 1, 0xfff0);
  config.Own(bridge::kPrefetchBaseHigh, Width::k4, 0, ~0u);
  config.Own(bridge::kPrefetchLimitHigh, Width::k4, 0, ~0u);
  config.Own(header::kInterruptLine, Width::k1, 0, 0xff);
  config.Own(bridge::kControl, Width::k2, 0, 0x0043);  // parity, SERR, secondary bus reset
  config.Own(header::kCapabilities, Width::k1, kExpress);
}

void OwnExpress(ConfigSpace& config, uint8_t number) {
  LinkCapability(config, kExpress, CapabilityId::kExpress, kMsi);
  config.Own(At(kExpress, express::kCapabilities), Width::k2,
             2u | unsigned{express::kRootPort} << 4 | 1u << 8);  // version 2, with a slot
  config.Own(At(kExpress, express::kDeviceCapabilities), Width::k4, 1u << 15);
  config.Own(At(kExpress, express::kDeviceControl), Width::k2, 0, 0x70ff);
  config.Own(At(kExpress, express::kLinkControl), Width::k2, 0, 0x00c0);
  config.Own(At(kExpress, express::kSlotCapabilities), Width::k4, Slot::Capabilities(number));
  config.Own(At(kExpress, express::kSlotControl), Width::k2, 0, Slot::kWritableControl);
  config.Own(At(kExpress, express::kSlotStatus), Width::k2, 0, 0, Slot::kEvents);
  config.Own(At(kExpress, express::kRootControl), Width::k2, 0, 0x000f);
  config.Own(At(kExpress, express::kDeviceControl2), Width::k2, 0, 0x001f);
}

ConfigSpace InitialConfig(uint8_t number) {
  ConfigSpace config(kExtendedConfigSize);
  config.OwnZero(0, kExtendedConfigSize);
  OwnBridgeHeader(config, number);
  OwnExpress(config, number);
  LinkCapability(config, kMsi, CapabilityId::kMsi, kPower);
  config.Own(At(kMsi, sysfs::registers::msi::kControl), Width::k2, kMsi64);
  OwnMsi(config, kMsiLayout);
  LinkCapability(config, kPower, CapabilityId::kPowerManagement, 0);
  config.Own(At(kPower, power::kCapabilities), Width::k2, 3);  // version 3
  config.Own(At(kPower, power::kControl), Width::k2,
             static_cast<uint32_t>(power::NoSoftReset::kMask),
             static_cast<uint32_t>(power::State::kMask));
  return config;
}

uint32_t HighHalf(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

}  // namespace

RootPort::RootPort(uint8_t number)
    : number_(number), name_(fmt::format("root port {}", number)), config_(InitialConfig(number)) {}

void RootPort::ShowSlot() {
  const bool active = slot_.link_active();
  const auto speed = express::LinkSpeed::Set(uint16_t{0}, link_.speed);
  const auto known = express::LinkWidth::Set(speed, link_.width);
  const auto status = express::LinkActive::Set(known, active ? uint16_t{1} : uint16_t{0});
  config_.SetShadow(
      At(kExpress, express::kLinkCapabilities), Width::k4,
      known | static_cast<uint32_t>(express::ReportsLinkActive::kMask) | uint32_t{number_} << 24);
  config_.SetShadow(At(kExpress, express::kLinkStatus), Width::k2, status);
  config_.SetShadow(At(kExpress, express::kSlotControl), Width::k2, slot_.control());
  config_.SetShadow(At(kExpress, express::kSlotStatus), Width::k2, slot_.status());
}

void RootPort::Notify() {
  ShowSlot();
  const bool due = slot_.interrupt();
  const Msi msi(config_, kMsiLayout);
  // What became due before the guest has enabled MSI is told when it does.
  if (!due) notified_ = false;
  if (!due || notified_ || router_ == nullptr || !msi.enabled()) return;
  notified_ = true;
  if (const base::Status told = router_->SignalMsi(msi.Message(0)); !told) {
    log_.Log(base::Level::kWarning, "{}: hot-plug interrupt: {}", name_, told.error().message());
  }
}

base::Status RootPort::Connect(kvm::InterruptRouter& router) {
  router_ = &router;
  config_ = InitialConfig(number_);
  slot_ = Slot(slot_.occupied());
  power_ = Slot::Power::kUnchanged;
  reset_ = notified_ = false;
  ShowSlot();
  return {};
}

base::Status RootPort::ApplyBar(const BarChange&, const Spaces&) {
  return base::Fail(base::Code::kInternal, "a root port has no BAR");
}

void RootPort::SetWindows(const PortWindows& windows) {
  // A limit below its base closes a window.
  const auto shadow16 = [&](uint16_t base_register, const base::Range& range, unsigned shift,
                            uint32_t flags) {
    const uint64_t base = range.empty() ? 0xfff00000 : range.base;
    const uint64_t last = range.empty() ? 0 : range.end() - 1;
    config_.SetShadow(base_register, Width::k2,
                      static_cast<uint32_t>(base >> shift & 0xfff0) | flags);
    config_.SetShadow(static_cast<uint16_t>(base_register + 2), Width::k2,
                      static_cast<uint32_t>(last >> shift & 0xfff0) | flags);
  };
  shadow16(bridge::kMemoryBase, windows.memory, 16, 0);
  shadow16(bridge::kPrefetchBase, windows.prefetch, 16, 1);
  const bool high = !windows.prefetch.empty();
  config_.SetShadow(bridge::kPrefetchBaseHigh, Width::k4,
                    high ? HighHalf(windows.prefetch.base) : 0);
  config_.SetShadow(bridge::kPrefetchLimitHigh, Width::k4,
                    high ? HighHalf(windows.prefetch.end() - 1) : 0);
  const bool io = !windows.io.empty();
  config_.SetShadow(bridge::kIoBase, Width::k1,
                    io ? static_cast<uint32_t>(windows.io.base >> 8 & 0xf0) : 0xf0);
  config_.SetShadow(bridge::kIoLimit, Width::k1,
                    io ? static_cast<uint32_t>((windows.io.end() - 1) >> 8 & 0xf0) : 0);
}

PortWindows RootPort::windows() const {
  const auto load = [&](unsigned reg, Width width) -> uint64_t {
    return config_.Shadow(static_cast<uint16_t>(reg), width);
  };
  const auto range = [](uint64_t base, uint64_t last) {
    return last < base ? base::Range() : base::Range{base, last - base + 1};
  };
  const auto memory = [&](unsigned reg) { return (load(reg, Width::k2) & 0xfff0) << 16; };
  const auto high = [&](unsigned reg) { return load(reg, Width::k4) << 32; };
  PortWindows windows;
  windows.memory = range(memory(bridge::kMemoryBase), memory(bridge::kMemoryLimit) | 0xfffff);
  windows.prefetch =
      range(high(bridge::kPrefetchBaseHigh) | memory(bridge::kPrefetchBase),
            high(bridge::kPrefetchLimitHigh) | memory(bridge::kPrefetchLimit) | 0xfffff);
  windows.io = range((load(bridge::kIoBase, Width::k1) & 0xf0) << 8,
                     (load(bridge::kIoLimit, Width::k1) & 0xf0) << 8 | 0xfff);
  return windows;
}

uint8_t RootPort::secondary_bus() const {
  return static_cast<uint8_t>(config_.Shadow(bridge::kSecondaryBus, Width::k1));
}

uint32_t RootPort::ReadConfig(uint16_t offset, Width width) {
  return config_.Shadow(offset, width);
}

std::vector<BarChange> RootPort::WriteConfig(uint16_t offset, Width width, uint32_t value) {
  const auto control_at = At(kExpress, express::kSlotControl);
  const auto status_at = At(kExpress, express::kSlotStatus);
  const uint32_t events = config_.Shadow(status_at, Width::k2) & Slot::kEvents;
  const bool was_resetting =
      bridge::SecondaryReset::Get(config_.Shadow(bridge::kControl, Width::k2)) != 0;
  if (!config_.Write(offset, width, value).changed) return {};

  const uint32_t left = config_.Shadow(status_at, Width::k2) & Slot::kEvents;
  slot_.ClearEvents(static_cast<uint16_t>(events & ~left));
  const auto control = static_cast<uint16_t>(config_.Shadow(control_at, Width::k2));
  if (control != slot_.control()) {
    const Slot::Power change = slot_.WriteControl(control);
    if (change != Slot::Power::kUnchanged) power_ = change;
  }
  const bool is_resetting =
      bridge::SecondaryReset::Get(config_.Shadow(bridge::kControl, Width::k2)) != 0;
  reset_ = reset_ || (!was_resetting && is_resetting);
  Notify();
  return {};
}

void RootPort::Insert(const Link& link) {
  link_ = link;
  if (router_ == nullptr) {
    slot_ = Slot(true);
    return ShowSlot();
  }
  slot_.Insert();
  Notify();
}

void RootPort::Remove() {
  if (router_ == nullptr) {
    slot_ = Slot(false);
    return ShowSlot();
  }
  slot_.Remove();
  Notify();
}

void RootPort::Announce() {
  slot_.Announce();
  Notify();
}

void RootPort::PressButton() {
  slot_.PressButton();
  Notify();
}

void RootPort::TakeBackPress() {
  slot_.TakeBackPress();
  Notify();
}

}  // namespace vmm::pci
