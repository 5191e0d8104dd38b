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

FunctionView Look(uint8_t bus, uint8_t devfn, PciFunction& function) {
  FunctionView view{std::string(function.name()), bus, devfn, {}, function.bars(), {}};
  ConfigSpace config(kConfigSize);
  for (uint16_t offset = 0; offset < header::kEnd; offset = static_cast<uint16_t>(offset + 4)) {
    const uint32_t value = function.ReadConfig(offset, Width::k4);
    config.Own(offset, Width::k4, value);
    for (unsigned byte = 0; byte < 4; ++byte) {
      view.header.at(offset + byte) = static_cast<uint8_t>(value >> (8 * byte));
    }
  }
  view.decoded = DecodeBars(config, view.bars);
  return view;
}

}  // namespace

HostBridge::HostBridge(Key, const Layout& layout, std::shared_ptr<IoDevice> reset_port)
    : layout_(layout),
      reset_port_(std::move(reset_port)),
      functions_{std::make_shared<HostFunction>()},
      bars_(WindowsOf(layout)) {}

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

base::Status HostBridge::AddPort(uint8_t devfn, uint8_t number) {
  auto port = std::make_shared<RootPort>(number);
  TRY(Add(devfn, port));
  const std::lock_guard lock(mutex_);
  ports_[devfn].port = std::move(port);
  return {};
}

base::Status HostBridge::AttachAll() {
  TRY(spaces_.ports->Attach(kPorts, MakeConfigPorts(shared_from_this(), reset_port_)));
  TRY(spaces_.memory->Attach(layout_.ecam, MakeEcam(shared_from_this())));
  return {};
}

base::Status HostBridge::ConnectAll() {
  for (const auto& function : functions_) {
    if (function) TRY(function->Connect(*router_));
  }
  for (auto& [devfn, port] : ports_) {
    port.used = false;
    if (port.port->occupied()) TRY(StartCardLocked(port));
  }
  return AssignBars();
}

void HostBridge::SetBars(const std::vector<PciFunction*>& functions,
                         std::span<const BarPlacement> plan) {
  for (const BarPlacement& placement : plan) {
    PciFunction& function = *functions[placement.function];
    const uint16_t offset = BarRegister(placement.index);
    const auto low = static_cast<uint32_t>(placement.address);
    const auto high = static_cast<uint32_t>(placement.address >> 32);
    bars_.Apply(function, function.WriteConfig(offset, Width::k4, low), spaces_);
    if (high == 0) continue;
    bars_.Apply(function, function.WriteConfig(static_cast<uint16_t>(offset + 4), Width::k4, high),
                spaces_);
  }
}

HostBridge::Content HostBridge::ContentLocked() {
  Content content;
  for (const auto& function : functions_) {
    if (function) content.root.Add(*function);
  }
  for (const auto& [devfn, port] : ports_) {
    Bus& card = content.cards.emplace_back();
    for (const auto& function : port.card.functions) {
      if (function) card.Add(*function);
    }
    content.ports.push_back({std::string(port.port->name()), card.bars});
  }
  return content;
}

base::Status HostBridge::AssignBars() {
  const Content content = ContentLocked();
  const ResourcePlan plan = TRY(PlanResources(content.root.bars, content.ports, layout_));
  SetBars(content.root.present, plan.bars);
  size_t index = 0;
  for (auto& [devfn, port] : ports_) {
    port.port->SetWindows(plan.ports[index].windows);
    SetBars(content.cards[index].present, plan.ports[index].bars);
    ++index;
  }
  return {};
}

base::Status HostBridge::Connect(const Spaces& spaces, kvm::InterruptRouter& router) {
  const auto connect = [&]() -> base::Status {
    const std::lock_guard lock(mutex_);
    spaces_ = spaces;
    router_ = &router;
    TRY(AttachAll());
    return ConnectAll();
  };
  base::Status status = connect();
  if (!status) Disconnect();
  return status;
}

void HostBridge::Disconnect() {
  const std::lock_guard lock(mutex_);
  for (auto& [devfn, port] : ports_) {
    StopCardLocked(port);
    if (port.leaving) EjectLocked(devfn, port);
  }
  for (const auto& function : functions_) {
    if (function) function->Disconnect();
  }
  bars_.Clear();
  if (spaces_.ports != nullptr) spaces_.ports->Detach(kPorts);
  if (spaces_.memory != nullptr) spaces_.memory->Detach(layout_.ecam);
  spaces_ = {};
  router_ = nullptr;
}

HostBridge::Port* HostBridge::PortOfBusLocked(uint8_t bus) {
  for (auto& [devfn, port] : ports_) {
    if (port.port->secondary_bus() == bus) return &port;
  }
  return nullptr;
}

PciFunction* HostBridge::FindLocked(uint8_t bus, uint8_t devfn) {
  if (bus == 0) return functions_[devfn].get();
  Port* const port = PortOfBusLocked(bus);
  const bool reaches = port != nullptr && port->running && devfn < port->card.functions.size();
  return reaches ? port->card.functions[devfn].get() : nullptr;
}

bool HostBridge::IsMultiFunctionLocked(uint8_t bus, uint8_t devfn) {
  if ((devfn & 7) != 0) return false;
  for (unsigned function = 1; function < 8; ++function) {
    if (FindLocked(bus, static_cast<uint8_t>(devfn + function)) != nullptr) return true;
  }
  return false;
}

std::vector<FunctionView> HostBridge::View() {
  const std::lock_guard lock(mutex_);
  std::vector<FunctionView> views;
  for (unsigned devfn = 0; devfn < functions_.size(); ++devfn) {
    PciFunction* const function = functions_.at(devfn).get();
    if (function != nullptr) views.push_back(Look(0, static_cast<uint8_t>(devfn), *function));
  }
  for (const auto& [port_devfn, port] : ports_) {
    for (unsigned i = 0; port.running && i < port.card.functions.size(); ++i) {
      PciFunction* const function = port.card.functions.at(i).get();
      if (function == nullptr) continue;
      views.push_back(Look(port.port->secondary_bus(), static_cast<uint8_t>(i), *function));
    }
  }
  return views;
}

uint32_t HostBridge::ReadConfig(uint8_t bus, uint8_t devfn, uint16_t offset, Width width) {
  const auto absent = static_cast<uint32_t>(AllOnes(width));
  const std::lock_guard lock(mutex_);
  PciFunction* const function = FindLocked(bus, devfn);
  if (function == nullptr) return absent;
  uint32_t value = function->ReadConfig(offset, width);
  const unsigned shift = 8u * (unsigned{header::kType} - offset);  // of the header type byte
  const bool covers =
      offset <= header::kType && header::kType < offset + static_cast<unsigned>(width);
  if (covers && IsMultiFunctionLocked(bus, devfn)) value |= uint32_t{kMultiFunction} << shift;
  return value & absent;
}

void HostBridge::WriteConfig(uint8_t bus, uint8_t devfn, uint16_t offset, Width width,
                             uint32_t value) {
  std::function<void()> wait;
  {
    const std::lock_guard lock(mutex_);
    PciFunction* const function = FindLocked(bus, devfn);
    if (function == nullptr) return;
    bars_.Apply(*function, function->WriteConfig(offset, width, value), spaces_);
    wait = function->Waiting();
    if (Port* const port = bus == 0 ? PortLocked(devfn) : nullptr) SyncLocked(devfn, *port);
  }
  if (wait) wait();
}

}  // namespace vmm::pci
