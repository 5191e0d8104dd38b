#include "vmm/kvm/slots.h"

#include <fmt/format.h>

#include <algorithm>

namespace vmm::kvm {

base::Result<uint32_t> SlotTable::Take(base::Range guest) {
  if (guest.empty() || guest.base % base::kPageSize != 0 || guest.size % base::kPageSize != 0 ||
      !base::CheckedRange(guest.base, guest.size)) {
    return base::Fail(base::Code::kInternal,
                      fmt::format("memory slot at {:#x} of {:#x} bytes: not whole pages",
                                  guest.base, guest.size));
  }
  for (const auto& other : ranges_) {
    if (other && other->Overlaps(guest)) {
      return base::Fail(
          base::Code::kInternal,
          fmt::format("memory slot at {:#x} of {:#x} bytes overlaps the one at {:#x} of {:#x}",
                      guest.base, guest.size, other->base, other->size));
    }
  }
  auto free = std::find(ranges_.begin(), ranges_.end(), std::nullopt);
  if (free == ranges_.end()) {
    if (ranges_.size() >= kMaxSlots)
      return base::Fail(base::Code::kInternal, "all KVM memory slots are in use");
    free = ranges_.emplace(ranges_.end());
  }
  *free = guest;
  return static_cast<uint32_t>(free - ranges_.begin());
}

void SlotTable::Release(uint32_t slot) {
  if (slot < ranges_.size()) ranges_[slot].reset();
}

uint32_t SlotTable::used() const {
  return static_cast<uint32_t>(
      std::count_if(ranges_.begin(), ranges_.end(), [](const auto& r) { return r.has_value(); }));
}

}  // namespace vmm::kvm
