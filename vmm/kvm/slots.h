// Numbers of KVM memory slots, and which guest ranges they cover.
//
// KVM refuses overlapping slots with EEXIST and no word about the other one; this table names it.
// Not thread safe: the owner locks.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"

namespace vmm::kvm {

class SlotTable {
 public:
  // KVM's own limit is 32764 (KVM_USER_MEM_SLOTS).
  static constexpr uint32_t kMaxSlots = 4096;

  // A number for the range. kInternal when it is empty, unaligned, or overlaps another slot.
  base::Result<uint32_t> Take(base::Range guest);
  void Release(uint32_t slot);
  uint32_t used() const;

 private:
  std::vector<std::optional<base::Range>> ranges_;  // by slot number
};

}  // namespace vmm::kvm
