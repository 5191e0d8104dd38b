#include "vmm/kvm/routes.h"

#include <algorithm>

namespace vmm::kvm {
namespace {

constexpr uint32_t kMaxMsiRoutes = kMaxRoutes - kPinCount - kPicPinCount;

}  // namespace

std::vector<ChipRoute> DefaultChipRoutes() {
  std::vector<ChipRoute> routes;
  for (uint32_t pin = 0; pin < kPinCount; ++pin) {
    if (pin < kPicPinCount) {
      routes.push_back({pin, pin < 8 ? Chip::kPicMaster : Chip::kPicSlave, pin % 8});
    }
    routes.push_back({pin, Chip::kIoApic, pin});
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
  changed_ |= slot->message.has_value();
  *slot = {};
}

void RouteTable::SetMsi(uint32_t gsi, const MsiMessage& message) {
  Slot* slot = Find(gsi);
  if (slot == nullptr || slot->message == message) return;
  slot->message = message;
  changed_ = true;
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
