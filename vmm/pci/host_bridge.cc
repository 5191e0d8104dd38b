#include "vmm/pci/host_bridge.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/pci/config_access.h"
#include "vmm/pci/host_function.h"
#include "vmm/pci/registers.h"
#include "vmm/platform.h"

namespace vmm::pci {
namespace {

constexpr base::Range kPorts{kPciConfigPorts, 8};

std::string AddressText(unsigned devfn) { return fmt::format("{:02x}.{}", devfn >> 3, devfn & 7); }

}  // namespace

HostBridge::HostBridge(Key, const Layout& layout, std::shared_ptr<IoDevice> reset_port)
    : layout_(layout), reset_port_(std::move(reset_port)), bars_(WindowsOf(layout)) {
  functions_[0] = std::make_shared<HostFunction>();
}

std::shared_ptr<HostBridge> HostBridge::Create(const Layout& layout,
                                               std::shared_ptr<IoDevice> reset_port) {
  return std::make_shared<HostBridge>(Key(), layout, std::move(reset_port));
}

base::Status HostBridge::Add(uint8_t devfn, std::shared_ptr<PciFunction> function) {
  const std::lock_guard lock(mutex_);
  if (functions_[devfn]) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("{}: guest address {} is taken by {}", function->name(),
                                  AddressText(devfn), functions_[devfn]->name()),
                      "choose another one with addr=");
  }
  functions_[devfn] = std::move(function);
  return {};
}

base::Status HostBridge::AttachAll() {
  TRY(spaces_.ports->Attach(kPorts, MakeConfigPorts(shared_from_this(), reset_port_)));
  TRY(spaces_.memory->Attach(layout_.ecam, MakeEcam(shared_from_this())));
  return {};
}

base::Status HostBridge::AssignBars() {
  std::vector<PciFunction*> present;
  std::vector<FunctionBars> bars;
  for (const auto& function : functions_) {
    if (!function) continue;
    present.push_back(function.get());
    bars.push_back({std::string(function->name()), function->bars()});
  }
  for (const BarPlacement& placement : TRY(PlanBarAddresses(bars, layout_))) {
    PciFunction& function = *present[placement.function];
    const auto offset = static_cast<uint16_t>(header::kBar0 + 4 * placement.index);
    const auto low = static_cast<uint32_t>(placement.address);
    const auto high = static_cast<uint32_t>(placement.address >> 32);
    bars_.Apply(function, function.WriteConfig(offset, Width::k4, low), spaces_);
    if (high == 0) continue;
    bars_.Apply(function, function.WriteConfig(static_cast<uint16_t>(offset + 4), Width::k4, high),
                spaces_);
  }
  return {};
}

base::Status HostBridge::Connect(const Spaces& spaces, kvm::InterruptRouter& router) {
  const auto connect = [&]() -> base::Status {
    const std::lock_guard lock(mutex_);
    spaces_ = spaces;
    TRY(AttachAll());
    for (const auto& function : functions_) {
      if (function) TRY(function->Connect(router));
    }
    return AssignBars();
  };
  base::Status status = connect();
  if (!status) Disconnect();
  return status;
}

void HostBridge::Disconnect() {
  const std::lock_guard lock(mutex_);
  for (const auto& function : functions_) {
    if (function) function->Disconnect();
  }
  bars_.Clear();
  if (spaces_.ports != nullptr) spaces_.ports->Detach(kPorts);
  if (spaces_.memory != nullptr) spaces_.memory->Detach(layout_.ecam);
  spaces_ = {};
}

bool HostBridge::IsMultiFunction(uint8_t devfn) const {
  if ((devfn & 7) != 0) return false;
  for (unsigned function = 1; function < 8; ++function) {
    if (functions_[devfn + function]) return true;
  }
  return false;
}

std::vector<FunctionView> HostBridge::View() {
  const std::lock_guard lock(mutex_);
  std::vector<FunctionView> views;
  for (unsigned devfn = 0; devfn < functions_.size(); ++devfn) {
    PciFunction* const function = functions_.at(devfn).get();
    if (function == nullptr) continue;
    FunctionView view{static_cast<uint8_t>(devfn), {}, function->bars(), {}};
    ConfigSpace config(kConfigSize);
    for (uint16_t offset = 0; offset < header::kEnd; offset = static_cast<uint16_t>(offset + 4)) {
      const uint32_t value = function->ReadConfig(offset, Width::k4);
      config.Own(offset, Width::k4, value);
      for (unsigned byte = 0; byte < 4; ++byte) {
        view.header.at(offset + byte) = static_cast<uint8_t>(value >> (8 * byte));
      }
    }
    view.decoded = DecodeBars(config, view.bars);
    views.push_back(std::move(view));
  }
  return views;
}

uint32_t HostBridge::ReadConfig(uint8_t bus, uint8_t devfn, uint16_t offset, Width width) {
  const auto absent = static_cast<uint32_t>(AllOnes(width));
  if (bus != 0) return absent;
  const std::lock_guard lock(mutex_);
  PciFunction* const function = functions_[devfn].get();
  if (function == nullptr) return absent;
  uint32_t value = function->ReadConfig(offset, width);
  const unsigned shift = 8u * (unsigned{header::kType} - offset);  // of the header type byte
  const bool covers =
      offset <= header::kType && header::kType < offset + static_cast<unsigned>(width);
  if (covers && IsMultiFunction(devfn)) value |= uint32_t{kMultiFunction} << shift;
  return value & absent;
}

void HostBridge::WriteConfig(uint8_t bus, uint8_t devfn, uint16_t offset, Width width,
                             uint32_t value) {
  if (bus != 0) return;
  const std::lock_guard lock(mutex_);
  PciFunction* const function = functions_[devfn].get();
  if (function == nullptr) return;
  bars_.Apply(*function, function->WriteConfig(offset, width, value), spaces_);
}

}  // namespace vmm::pci
