#include "vmm/kvm/routes.h"

#include <algorithm>

namespace vmm::kvm {
namespace {

constexpr uint32_t kChipRoutes = kPicPinCount + kPinCount - 1;
constexpr uint32_t kMaxMsiRoutes = kMaxRoutes - kChipRoutes;

}  // namespace

std::vector<ChipRoute> ChipRoutes() {
  std::vector<ChipRoute> routes;
  for (uint32_t gsi = 0; gsi < kPicPinCount; ++gsi) {
    routes.push_back({gsi, gsi < 8 ? Chip::kPicMaster : Chip::kPicSlave, gsi % 8});
  }
  for (uint32_t gsi = 0; gsi < kPinCount; ++gsi) {
    if (gsi == kTimerIoApicPin) continue;  // the cascade of the PICs, nobody's interrupt
    routes.push_back({gsi, Chip::kIoApic, gsi == kTimerGsi ? kTimerIoApicPin : gsi});
  }
  return routes;
}

std::optional<uint32_t> RouteTable::Allocate() {
  auto free = std::find_if(slots_.begin(), slots_.end(), [](const Slot& s) { return !s.taken; });
  if (free == slots_.end()) {
    if (slots_.size() >= kMaxMsiRoutes) return std::nullopt;
    free = slots_.emplace(slots_.end());
  }
  free->taken = true;
  return kPinCount + static_cast<uint32_t>(free - slots_.begin());
}

RouteTable::Slot* RouteTable::Find(uint32_t gsi) {
  if (gsi < kPinCount || gsi - kPinCount >= slots_.size()) return nullptr;
  Slot& slot = slots_[gsi - kPinCount];
  return slot.taken ? &slot : nullptr;
}

void RouteTable::Free(uint32_t gsi) {
  Slot* slot = Find(gsi);
  if (slot == nullptr) return;
  *slot = {};
}

void RouteTable::SetMsi(uint32_t gsi, const MsiMessage& message) {
  Slot* slot = Find(gsi);
  if (slot == nullptr || slot->message == message) return;
  slot->message = message;
  slot->committed = false;
  changed_ = true;
}

void RouteTable::MarkCommitted() {
  for (Slot& slot : slots_) slot.committed = slot.message.has_value();
  changed_ = false;
}

bool RouteTable::IsCommitted(uint32_t gsi) const {
  const Slot* const slot = Find(gsi);
  return slot != nullptr && slot->committed;
}

std::optional<MsiMessage> RouteTable::Message(uint32_t gsi) const {
  const Slot* const slot = Find(gsi);
  return slot == nullptr ? std::nullopt : slot->message;
}

std::vector<MsiRoute> RouteTable::msi_routes() const {
  std::vector<MsiRoute> routes;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].message) {
      routes.push_back({kPinCount + static_cast<uint32_t>(i), *slots_[i].message});
    }
  }
  return routes;
}

}  // namespace vmm::kvm
