// Interrupts of a Vm: routes, the events that take them, and the messages without either.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vmm/kvm/flexible.h"
#include "vmm/kvm/uapi.h"
#include "vmm/kvm/vm_state.h"

namespace vmm::kvm {
namespace {

// More of them without their routes cost more than a commit.
constexpr unsigned kLongestBurst = 64;

kvm_irq_routing_entry Encode(const ChipRoute& route) {
  kvm_irq_routing_entry entry{};
  entry.gsi = route.gsi;
  entry.type = KVM_IRQ_ROUTING_IRQCHIP;
  entry.u.irqchip.irqchip = static_cast<uint32_t>(route.chip);
  entry.u.irqchip.pin = route.pin;
  return entry;
}

kvm_irq_routing_entry Encode(const MsiRoute& route) {
  kvm_irq_routing_entry entry{};
  entry.gsi = route.gsi;
  entry.type = KVM_IRQ_ROUTING_MSI;
  entry.u.msi.address_lo = static_cast<uint32_t>(route.message.address);
  entry.u.msi.address_hi = static_cast<uint32_t>(route.message.address >> 32);
  entry.u.msi.data = route.message.data;
  return entry;
}

kvm_irqfd Encode(int event, uint32_t gsi, uint32_t flags) {
  kvm_irqfd irqfd{};
  irqfd.fd = static_cast<uint32_t>(event);
  irqfd.gsi = gsi;
  irqfd.flags = flags;
  return irqfd;
}

base::Status Told(base::Result<int> result, uint32_t gsi) {
  if (result) return {};
  return base::Failure(std::move(result.error()).With(fmt::format("interrupt {}", gsi)));
}

static_assert(static_cast<int>(Chip::kPicMaster) == KVM_IRQCHIP_PIC_MASTER);
static_assert(static_cast<int>(Chip::kPicSlave) == KVM_IRQCHIP_PIC_SLAVE);
static_assert(static_cast<int>(Chip::kIoApic) == KVM_IRQCHIP_IOAPIC);
static_assert(kPinCount == KVM_IOAPIC_NUM_PINS);

}  // namespace

bool Vm::State::NeedsCommit() const {
  return std::any_of(direct.begin(), direct.end(),
                     [&](uint32_t gsi) { return routes.Message(gsi) && !routes.IsCommitted(gsi); });
}

void Vm::State::Wait() {
  if (gathers && !std::exchange(waits, true)) first_waits();
}

base::Status Vm::SignalMsi(const MsiMessage& message) {
  kvm_msi msi{};
  msi.address_lo = static_cast<uint32_t>(message.address);
  msi.address_hi = static_cast<uint32_t>(message.address >> 32);
  msi.data = message.data;
  TRY(Ioctl(KVM_SIGNAL_MSI, &msi, "KVM_SIGNAL_MSI"));
  return {};
}

base::Result<uint32_t> Vm::AllocateGsi() {
  const std::lock_guard lock(state_->mutex);
  const auto gsi = state_->routes.Allocate();
  if (!gsi) {
    return base::Fail(base::Code::kKernel,
                      fmt::format("all {} interrupt routes of KVM are in use", kMaxRoutes));
  }
  return *gsi;
}

void Vm::FreeGsi(uint32_t gsi) {
  const std::lock_guard lock(state_->mutex);
  state_->routes.Free(gsi);
}

void Vm::SetMsiRoute(uint32_t gsi, const MsiMessage& message) {
  const std::lock_guard lock(state_->mutex);
  state_->routes.SetMsi(gsi, message);
}

base::Status Vm::CommitRoutes() {
  const std::lock_guard lock(state_->mutex);
  if (!state_->routes.changed()) return {};
  if (!state_->gathers || state_->NeedsCommit()) return SettleRoutesLocked();
  state_->Wait();
  return {};
}

base::Status Vm::SetRoutesLocked() {
  const std::vector<ChipRoute> chips = ChipRoutes();
  const std::vector<MsiRoute> messages = state_->routes.msi_routes();
  Flexible<RoutingHeader, kvm_irq_routing_entry> table(chips.size() + messages.size());
  size_t next = 0;
  for (const ChipRoute& route : chips) table.Set(next++, Encode(route));
  for (const MsiRoute& route : messages) table.Set(next++, Encode(route));
  table.header().nr = static_cast<uint32_t>(next);
  TRY(Ioctl(kSetGsiRouting, table.data(), "KVM_SET_GSI_ROUTING"));
  state_->routes.MarkCommitted();
  return {};
}

base::Status Vm::GatherRoutes(std::function<void()> first_waits) {
  MsiRelay relay = TRY(MsiRelay::Create());
  const std::lock_guard lock(state_->mutex);
  state_->relay = std::move(relay);
  state_->first_waits = std::move(first_waits);
  state_->gathers = true;
  return {};
}

void Vm::StopGathering() {
  const std::lock_guard lock(state_->mutex);
  state_->gathers = false;
  if (!state_->relay || state_->relay->waiting().empty()) return;
  if (const base::Status settled = SettleRoutesLocked(); !settled)
    state_->log.Log(base::Level::kError, "{}", settled.error().message());
}

const base::Fd& Vm::relay_fd() const { return state_->relay->fd(); }

void Vm::Relay() {
  const std::lock_guard lock(state_->mutex);
  State& state = *state_;
  for (const uint32_t gsi : state.relay->Take()) {
    const auto message = state.routes.Message(gsi);
    if (!message) continue;
    ++state.counts.relayed;
    ++state.burst;
    if (const base::Status sent = SignalMsi(*message); !sent)
      state.log.Log(base::Level::kWarning, "interrupt {}: {}", gsi, sent.error().message());
  }
  if (state.burst < kLongestBurst) return;
  if (const base::Status settled = SettleRoutesLocked(); !settled)
    state.log.Log(base::Level::kWarning, "{}", settled.error().message());
}

base::Status Vm::SettleRoutes() {
  const std::lock_guard lock(state_->mutex);
  return SettleRoutesLocked();
}

base::Status Vm::SettleRoutesLocked() {
  State& state = *state_;
  state.waits = false;
  state.burst = 0;
  if (state.routes.changed()) {
    ++state.counts.commits;
    if (base::Status set = SetRoutesLocked(); !set) {
      state.Wait();
      return set;
    }
  }
  if (state.relay) ConnectRelayedLocked();
  return {};
}

// An event that is signalled when KVM begins to listen is taken up there (kvm_irqfd_assign in the
// kernel's eventfd.c), and so not by the relay. What KVM does not take stays: slower, and not lost.
void Vm::ConnectRelayedLocked() {
  const std::map<int, uint32_t> waiting = state_->relay->waiting();
  for (const auto& [event, gsi] : waiting) {
    if (const base::Status taken = ListenLocked(event, gsi); taken) {
      state_->relay->Withdraw(event);
    } else {
      state_->log.Log(base::Level::kWarning, "{}; the monitor carries its interrupts",
                      taken.error().message());
    }
  }
}

RouteCounts Vm::route_counts() const {
  const std::lock_guard lock(state_->mutex);
  return state_->counts;
}

base::Status Vm::ListenLocked(int event, uint32_t gsi) {
  kvm_irqfd irqfd = Encode(event, gsi, 0);
  TRY(Told(Ioctl(KVM_IRQFD, &irqfd, "KVM_IRQFD"), gsi));
  state_->direct.insert(gsi);
  return {};
}

base::Result<Irqfd> Vm::ConnectIrqfd(const base::EventFd& event, uint32_t gsi) {
  const std::lock_guard lock(state_->mutex);
  const int fd = event.fd().raw();
  State& state = *state_;
  if (state.relay && state.routes.Message(gsi) && !state.routes.IsCommitted(gsi)) {
    if (state.gathers && state.relay->Add(fd, gsi)) return Irqfd(this, fd, gsi);
    TRY(SettleRoutesLocked());
  }
  TRY(ListenLocked(fd, gsi));
  return Irqfd(this, fd, gsi);
}

base::Result<Irqfd> Vm::ConnectLevelIrqfd(const base::EventFd& event, const base::EventFd& resample,
                                          uint32_t gsi) {
  kvm_irqfd irqfd = Encode(event.fd().raw(), gsi, KVM_IRQFD_FLAG_RESAMPLE);
  irqfd.resamplefd = static_cast<uint32_t>(resample.fd().raw());
  TRY(Told(Ioctl(KVM_IRQFD, &irqfd, "KVM_IRQFD"), gsi));
  return Irqfd(this, event.fd().raw(), gsi);
}

// KVM waits here for a grace period and for what it is delivering: others do not wait for that.
void Vm::DisconnectIrqfd(int event, uint32_t gsi) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->relay && state_->relay->Remove(event)) return;
  }
  kvm_irqfd irqfd = Encode(event, gsi, KVM_IRQFD_FLAG_DEASSIGN);
  const auto removed = Ioctl(KVM_IRQFD, &irqfd, "KVM_IRQFD (remove)");
  if (!removed) base::Log(base::Level::kWarning, "{}", removed.error().message());
  const std::lock_guard lock(state_->mutex);
  state_->direct.erase(gsi);
}

}  // namespace vmm::kvm
