#include "vmm/virtio/transport/vectors.h"

#include <utility>

#include "vmm/pci/msi.h"

namespace vmm::virtio {

Vectors::Vectors(std::string name, unsigned count, uint32_t gsi)
    : name_(std::move(name)), gsi_(gsi), msix_(count), vectors_(count) {}

void Vectors::Disconnect() {
  for (Vector& vector : vectors_) {
    vector.irqfd = kvm::Irqfd();
    if (vector.gsi && router_ != nullptr) router_->FreeGsi(*vector.gsi);
    vector = Vector();
  }
  pin_irqfd_ = kvm::Irqfd();
  pin_.reset();
  ends_.reset();
  pin_refused_ = false;
  msix_.Reset();
  router_ = nullptr;
}

base::Status Vectors::Route(Vector& vector, const kvm::MsiMessage& message) {
  if (!vector.event) vector.event = TRY(base::EventFd::Create());
  if (vector.gsi && vector.message == message) return {};
  if (!vector.gsi) vector.gsi = TRY(router_->AllocateGsi());
  router_->SetMsiRoute(*vector.gsi, message);
  vector.message = message;
  return {};
}

void Vectors::TakePending(Vector& vector) {
  if (!vector.event || vector.connected) return;
  const auto count = vector.event->Take();
  vector.pending = vector.pending || (count && *count > 0);
}

base::Status Vectors::Listen(kvm::InterruptRouter& router, Vector& vector) {
  TakePending(vector);
  vector.irqfd = TRY(router.ConnectIrqfd(*vector.event, *vector.gsi));
  vector.connected = true;
  return std::exchange(vector.pending, false) ? vector.event->Signal() : base::Status();
}

void Vectors::Sync() {
  if (router_ == nullptr) return;
  const auto live = [&](unsigned v) { return msix_.Live(v) && pci::IsRoutable(msix_.Message(v)); };
  const auto report = [&](unsigned v, const base::Status& status) {
    if (!status) {
      log_.Log(base::Level::kError, "{}: interrupt vector {} does not work: {}", name_, v,
               status.error().message());
    }
    return status.has_value();
  };
  std::vector<unsigned> waiting;
  for (unsigned v = 0; v < vectors_.size(); ++v) {
    Vector& vector = vectors_[v];
    if (!live(v)) {
      vector.irqfd = kvm::Irqfd();
      vector.connected = false;
    } else if (report(v, Route(vector, msix_.Message(v))) && !vector.connected) {
      waiting.push_back(v);
    }
  }
  if (const base::Status committed = router_->CommitRoutes(); !committed) {
    log_.Log(base::Level::kError, "{}: {}", name_, committed.error().message());
    return;
  }
  for (const unsigned v : waiting) report(v, Listen(*router_, vectors_[v]));
}

// With its event; nothing when there is none to be had.
Vectors::Vector* Vectors::Find(uint16_t index) {
  if (index >= vectors_.size() || !msix_.enabled() || router_ == nullptr) return nullptr;
  Vector& vector = vectors_[index];
  if (vector.event) return &vector;
  auto event = base::EventFd::Create();
  if (!event) {
    log_.Log(base::Level::kError, "{}: {}", name_, event.error().message());
    return nullptr;
  }
  vector.event = std::move(*event);
  return &vector;
}

void Vectors::Signal(uint16_t index) {
  if (const Vector* const vector = Find(index)) static_cast<void>(vector->event->Signal());
}

std::optional<base::Fd> Vectors::Share(uint16_t index) {
  const Vector* const vector = Find(index);
  if (vector == nullptr) return std::nullopt;
  auto copy = vector->event->fd().Duplicate();
  return copy ? std::optional(std::move(*copy)) : std::nullopt;
}

uint64_t Vectors::ReadPending(uint64_t offset, Width width) {
  for (unsigned v = 0; v < vectors_.size(); ++v) {
    TakePending(vectors_[v]);
    msix_.SetPending(v, vectors_[v].pending);
  }
  return msix_.ReadPending(offset, width);
}

base::Status Vectors::PreparePin() {
  if (pin_ || router_ == nullptr) return {};
  if (pin_refused_) return base::Fail(base::Code::kKernel, "no interrupt line");
  pin_refused_ = true;
  auto pin = TRY(base::EventFd::Create());
  auto ends = std::make_shared<base::EventFd>(TRY(base::EventFd::Create()));
  pin_irqfd_ = TRY(router_->ConnectLevelIrqfd(pin, *ends, gsi_));
  ends_ = std::move(ends);
  pin_ = std::move(pin);
  pin_refused_ = false;
  return {};
}

void Vectors::RaisePin() {
  if (pin_) static_cast<void>(pin_->Signal());
}

}  // namespace vmm::virtio
