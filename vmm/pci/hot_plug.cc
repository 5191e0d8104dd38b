// The part of the host bridge that plugs cards into its ports and takes them out.
#include <fmt/format.h>

#include <utility>

#include "sysfs/base/log.h"
#include "vmm/pci/card_fit.h"
#include "vmm/pci/host_bridge.h"

namespace vmm::pci {

HostBridge::Port* HostBridge::PortLocked(uint8_t devfn) {
  const auto port = ports_.find(devfn);
  return port == ports_.end() ? nullptr : &port->second;
}

bool HostBridge::IsFree(uint8_t devfn) {
  const std::lock_guard lock(mutex_);
  const Port* const port = PortLocked(devfn);
  return port != nullptr && !port->port->occupied();
}

base::Status HostBridge::CheckFitLocked(uint8_t devfn, const Card& card) {
  std::vector<base::Range> taken = bars_.Active(false);
  for (const auto& [other, port] : ports_) {
    if (other == devfn) continue;
    const PortWindows windows = port.port->windows();
    taken.insert(taken.end(), {windows.memory, windows.prefetch});
  }
  std::vector<FunctionBars> bars;
  for (const auto& function : card.functions) {
    if (function) bars.push_back({std::string(function->name()), function->bars()});
  }
  const RootPort& port = *PortLocked(devfn)->port;
  const CardFit fit = TRY(CheckCardFit(bars, port.windows(), taken, layout_));
  if (fit == CardFit::kInMachine) {
    base::Log(base::Level::kInfo,
              "{}: larger than what {} forwards: its guest has to make room for it",
              bars.front().name, port.name());
  }
  return {};
}

base::Status HostBridge::Insert(uint8_t devfn, Card card) {
  const std::lock_guard lock(mutex_);
  Port* const port = PortLocked(devfn);
  if (port == nullptr) return base::Fail(base::Code::kInternal, "no such root port");
  if (port->port->occupied()) {
    return base::Fail(base::Code::kInUse, fmt::format("{} has a card already", port->port->name()));
  }
  if (router_ != nullptr) TRY(CheckFitLocked(devfn, card));
  port->card = std::move(card);
  // Between two lives of the guest: what does not fit must not keep the next one from its start.
  if (router_ == nullptr) {
    const Content content = ContentLocked();
    if (auto plan = PlanResources(content.root.bars, content.ports, layout_); !plan) {
      port->card = {};
      return base::Failure(std::move(plan.error()));
    }
  }
  port->used = port->leaving = false;
  port->port->Insert(port->card.link);
  if (router_ != nullptr) SyncLocked(devfn, *port);
  return {};
}

bool HostBridge::Announce(uint8_t devfn) {
  const std::lock_guard lock(mutex_);
  Port* const port = PortLocked(devfn);
  if (port == nullptr || !port->port->occupied() || port->port->forwards()) return false;
  port->port->Announce();
  return true;
}

base::Status HostBridge::RequestRemoval(uint8_t devfn) {
  const std::lock_guard lock(mutex_);
  Port* const port = PortLocked(devfn);
  if (port == nullptr || !port->port->occupied())
    return base::Fail(base::Code::kNotFound, "no card in this root port");
  // A second press would take the first one back (PCIe 6.0, 6.7.1.5).
  if (port->leaving) return {};
  port->leaving = true;
  // Without power there is nobody to ask.
  if (!port->port->forwards()) {
    EjectLocked(devfn, *port);
  } else {
    port->port->PressButton();
  }
  return {};
}

void HostBridge::WithdrawRequest(uint8_t devfn) {
  const std::lock_guard lock(mutex_);
  Port* const port = PortLocked(devfn);
  if (port == nullptr || !std::exchange(port->leaving, false)) return;
  if (port->port->occupied() && port->port->forwards()) port->port->TakeBackPress();
}

void HostBridge::TakeOut(uint8_t devfn) {
  const std::lock_guard lock(mutex_);
  Port* const port = PortLocked(devfn);
  if (port != nullptr && port->port->occupied()) DropCardLocked(*port);
}

void HostBridge::Remove(uint8_t devfn) {
  const std::lock_guard lock(mutex_);
  if (!functions_[devfn]) return;
  if (router_ != nullptr) {
    StopLocked(*functions_[devfn]);
    bars_.Settle(spaces_);
  }
  functions_[devfn].reset();
}

base::Status HostBridge::ResetCardLocked(Port& port) {
  if (port.card.reset) return port.card.reset();
  for (const auto& function : port.card.functions) {
    if (function) TRY(function->Reset());
  }
  return {};
}

base::Status HostBridge::StartCardLocked(Port& port) {
  if (port.used) TRY(ResetCardLocked(port));
  for (const auto& function : port.card.functions) {
    if (function) TRY(function->Connect(*router_));
  }
  port.running = port.used = true;
  return {};
}

void HostBridge::StopLocked(PciFunction& function) {
  function.Disconnect();
  bars_.Forget(function);
}

void HostBridge::StopCardLocked(Port& port) {
  for (const auto& function : port.card.functions) {
    if (function) StopLocked(*function);
  }
  if (router_ != nullptr) bars_.Settle(spaces_);
  port.running = false;
}

void HostBridge::DropCardLocked(Port& port) {
  StopCardLocked(port);
  port.card = {};
  port.leaving = false;
  port.port->Remove();
}

void HostBridge::EjectLocked(uint8_t devfn, Port& port) {
  DropCardLocked(port);
  if (removed_) removed_(devfn);
}

void HostBridge::SyncLocked(uint8_t devfn, Port& port) {
  const bool reset = port.port->TakeReset();
  const Slot::Power power = port.port->TakePower();
  if (power == Slot::Power::kOff && port.leaving) return EjectLocked(devfn, port);
  const bool wanted = port.port->forwards();
  if (port.running && (!wanted || reset)) StopCardLocked(port);
  if (!wanted || port.running) return;
  if (const base::Status started = StartCardLocked(port); !started) {
    log_.Log(base::Level::kError, "{}: the card does not work, and is taken from the guest: {}",
             port.port->name(), started.error().message());
    EjectLocked(devfn, port);
  }
}

}  // namespace vmm::pci
