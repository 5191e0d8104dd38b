#include "vmm/assigned/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace vmm::assigned {
namespace {

uint32_t IndexOf(IrqMode mode) {
  if (mode == IrqMode::kIntx) return vfio::kIntxIrq;
  return mode == IrqMode::kMsi ? vfio::kMsiIrq : vfio::kMsixIrq;
}

void Count(std::atomic<uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

void InterruptApplier::Clear() {
  for (uint32_t v = 0; v < resources_.size(); ++v) Disconnect(v);
  if (applied_.mode != IrqMode::kNone) {
    if (const base::Status status = Disable(applied_.mode); !status) {
      log_.Log(base::Level::kWarning, "{}", status.error().message());
    }
  }
  for (uint32_t v = 0; v < resources_.size(); ++v) FreeRoute(v);
  resources_.clear();
  applied_ = {};
}

void InterruptApplier::Disconnect() {
  Clear();
  router_ = nullptr;
}

base::Status InterruptApplier::Apply(std::span<const IrqStep> steps) {
  if (router_ == nullptr) return base::Fail(base::Code::kInternal, "interrupts: no machine");
  for (const IrqStep& step : steps) {
    base::Status status = Perform(step);
    if (!status) return base::Failure(std::move(status).error().With(step.ToString()));
  }
  return {};
}

base::Status InterruptApplier::Perform(const IrqStep& step) {
  using Kind = IrqStep::Kind;
  Reserve(step.first + step.count);
  const auto each = [&](auto&& perform) {
    for (uint32_t v = step.first; v < step.first + step.count; ++v) {
      if (applied_.vectors[v].refused) continue;
      if (const base::Status status = perform(v); !status) Refuse(v, 1, status.error());
    }
  };
  switch (step.kind) {
    case Kind::kDisconnect:
      for (uint32_t v = step.first; v < step.first + step.count; ++v) Disconnect(v);
      return {};
    case Kind::kDisable:
      return Disable(step.mode);
    case Kind::kFreeRoutes:
      for (uint32_t v = step.first; v < step.first + step.count; ++v) FreeRoute(v);
      return {};
    case Kind::kSetRoute:
      each([&](uint32_t v) { return SetRoute(v, step.message); });
      return {};
    case Kind::kCommitRoutes:
      return CommitRoutes();
    case Kind::kConnect:
      each([&](uint32_t v) { return Connect(v); });
      return {};
    case Kind::kEnable:
      return step.mode == IrqMode::kIntx ? EnableIntx() : Enable(step.mode, step.count, 0);
    case Kind::kArm:
      return Arm(step.first, step.count);
    case Kind::kGrow:
      return Grow(step.count);
  }
  return {};
}

void InterruptApplier::Disconnect(uint32_t vector) {
  resources_[vector].irqfd = kvm::Irqfd();
  applied_.vectors[vector].connected = false;
}

base::Status InterruptApplier::Disable(IrqMode mode) {
  Count(set_irqs_);
  TRY(device_->DisableIrq(IndexOf(mode)));
  applied_.mode = IrqMode::kNone;
  applied_.host_vectors = 0;
  for (uint32_t v = 0; v < applied_.vectors.size(); ++v) {
    AppliedVector& vector = applied_.vectors[v];
    vector.armed = vector.pending = vector.refused = false;
    // What the old mode has signalled must not appear in the next one.
    if (!vector.connected) resources_[v].event.reset();
    resources_[v].resample.reset();
  }
  return {};
}

void InterruptApplier::FreeRoute(uint32_t vector) {
  if (resources_[vector].gsi) router_->FreeGsi(*resources_[vector].gsi);
  resources_[vector].gsi.reset();
  applied_.vectors[vector].routed = false;
}

base::Status InterruptApplier::SetRoute(uint32_t vector, const kvm::MsiMessage& message) {
  std::optional<uint32_t>& gsi = resources_[vector].gsi;
  if (!gsi) gsi = TRY(router_->AllocateGsi());
  router_->SetMsiRoute(*gsi, message);
  applied_.vectors[vector].routed = true;
  applied_.vectors[vector].message = message;
  applied_.uncommitted = true;
  return {};
}

base::Status InterruptApplier::CommitRoutes() {
  TRY(router_->CommitRoutes());
  applied_.uncommitted = false;
  return {};
}

base::Status InterruptApplier::Connect(uint32_t vector) {
  Resources& resources = resources_[vector];
  AppliedVector& state = applied_.vectors[vector];
  TRY(EnsureEvent(vector));
  if (!resources.gsi) return base::Fail(base::Code::kInternal, "no route");
  const bool pending = Pending(vector);
  resources.irqfd = TRY(router_->ConnectIrqfd(*resources.event, *resources.gsi));
  state.connected = true;
  state.pending = false;
  if (pending) TRY(resources.event->Signal());
  return {};
}

base::Status InterruptApplier::Enable(IrqMode mode, uint32_t count, uint32_t had) {
  applied_.requested = count;
  base::Error first_error(base::Code::kKernel, "no vector asked for");
  for (uint32_t tried = count, next = 0; tried > 0; tried = next) {
    const std::vector<int> events = TRY(Events(mode, 0, tried));
    Count(set_irqs_);
    const auto granted = device_->OfferTriggers(IndexOf(mode), events);
    if (granted && *granted == tried) {
      applied_.mode = mode;
      MarkArmed(0, events);
      if (tried < count) Refuse(tried, count - tried, first_error);
      return {};
    }
    if (tried == count) {
      first_error =
          granted ? base::Error(base::Code::kKernel,
                                fmt::format("the host has {} free of {} wanted", *granted, count))
                  : granted.error();
    }
    next = FewerVectors(mode, tried, had, granted ? *granted : 0);
  }
  for (AppliedVector& vector : applied_.vectors) vector.refused = false;
  return base::Failure(std::move(first_error));
}

// KVM listens before VFIO signals. An end of interrupt that comes before VFIO listens for it stays
// in its event and is taken up then (vfio_virqfd_enable in the kernel's virqfd.c), so that none is
// lost.
base::Status InterruptApplier::ArmIntx() {
  Resources& line = resources_[0];
  line.event = TRY(base::EventFd::Create());
  line.resample = TRY(base::EventFd::Create());
  line.irqfd = TRY(router_->ConnectLevelIrqfd(*line.event, *line.resample, intx_gsi_));
  applied_.vectors[0].connected = true;
  const int event = line.event->fd().raw();
  Count(set_irqs_);
  TRY(device_->SetTriggers(vfio::kIntxIrq, 0, {&event, 1}));
  applied_.mode = IrqMode::kIntx;
  applied_.requested = applied_.host_vectors = 1;
  applied_.vectors[0].armed = true;
  Count(set_irqs_);
  return device_->SetUnmaskEvent(vfio::kIntxIrq, line.resample->fd().raw());
}

base::Status InterruptApplier::EnableIntx() {
  base::Status status = ArmIntx();
  if (status) return {};
  Disconnect(0);
  if (applied_.mode == IrqMode::kIntx) TRY(Disable(IrqMode::kIntx));
  resources_[0].event.reset();
  resources_[0].resample.reset();
  return status;
}

base::Status InterruptApplier::Arm(uint32_t first, uint32_t count) {
  const std::vector<int> events = TRY(Events(applied_.mode, first, count));
  if (SetTriggers(first, events)) return {};
  // Not all of them: as many as there are.
  for (uint32_t i = 0; i < count; ++i) {
    if (events[i] < 0) continue;
    const base::Status status = SetTriggers(first + i, std::span(events).subspan(i, 1));
    if (!status) {
      Refuse(first + i, count - i, status.error());
      return {};
    }
  }
  return {};
}

base::Status InterruptApplier::Grow(uint32_t count) {
  const IrqMode mode = applied_.mode;
  const uint32_t had = applied_.host_vectors;
  Count(set_irqs_);
  TRY(device_->DisableIrq(IndexOf(mode)));
  applied_.mode = IrqMode::kNone;
  applied_.host_vectors = 0;
  std::vector<uint32_t> interrupted;
  for (uint32_t v = 0; v < applied_.vectors.size(); ++v) {
    if (std::exchange(applied_.vectors[v].armed, false)) interrupted.push_back(v);
  }
  TRY(Enable(mode, count, had));
  for (const uint32_t v : interrupted) TRY(resources_[v].event->Signal());
  return {};
}

base::Result<std::vector<int>> InterruptApplier::Events(IrqMode mode, uint32_t first,
                                                        uint32_t count) {
  Reserve(first + count);
  std::vector<int> events(count, -1);
  for (uint32_t i = 0; i < count; ++i) {
    // An MSI-X vector has an event once the guest has unmasked it.
    const bool wanted = mode == IrqMode::kMsi || resources_[first + i].event.has_value();
    if (applied_.vectors[first + i].refused || !wanted) continue;
    TRY(EnsureEvent(first + i));
    events[i] = resources_[first + i].event->fd().raw();
  }
  return events;
}

base::Status InterruptApplier::EnsureEvent(uint32_t vector) {
  std::optional<base::EventFd>& event = resources_[vector].event;
  if (!event) event = TRY(base::EventFd::Create());
  return {};
}

base::Status InterruptApplier::SetTriggers(uint32_t first, std::span<const int> events) {
  Count(set_irqs_);
  TRY(device_->SetTriggers(IndexOf(applied_.mode), first, events));
  MarkArmed(first, events);
  return {};
}

void InterruptApplier::MarkArmed(uint32_t first, std::span<const int> events) {
  for (uint32_t i = 0; i < events.size(); ++i) {
    applied_.vectors[first + i].armed = events[i] >= 0;
  }
  applied_.host_vectors =
      std::max(applied_.host_vectors, static_cast<uint32_t>(first + events.size()));
}

bool InterruptApplier::Pending(uint32_t vector) {
  if (vector >= applied_.vectors.size()) return false;
  AppliedVector& state = applied_.vectors[vector];
  if (!state.armed || state.connected || !resources_[vector].event) return state.pending;
  const base::Result<uint64_t> count = resources_[vector].event->Take();
  state.pending = state.pending || (count && *count > 0);
  return state.pending;
}

void InterruptApplier::Refuse(uint32_t first, uint32_t count, const base::Error& why) {
  Reserve(first + count);
  for (uint32_t v = first; v < first + count; ++v) {
    applied_.vectors[v].refused = true;
    Count(refused_);
  }
  log_.Log(base::Level::kError, "{}: interrupt vectors {} to {} do not work: {}",
           device_->address().ToString(), first, first + count - 1, why.message());
}

void InterruptApplier::Reserve(uint32_t count) {
  if (count <= resources_.size()) return;
  applied_.vectors.resize(count);
  resources_.resize(count);
}

}  // namespace vmm::assigned
