// Guest RAM: one private mapping per range of the layout, 2 MiB aligned, transparent huge pages
// asked for or reserved ones used.
//
// Shared by vCPU threads and devices; the bytes are the guest's and may change at any time.
// Addresses and sizes that come from the guest are checked here, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/mapping.h"
#include "sysfs/base/result.h"
#include "vmm/ram/pages.h"

namespace vmm {

class GuestMemory {
 public:
  struct Block {
    base::GuestPhys base;
    base::Mapping mapping;
  };

  // One block per RAM range. Mergeable: equal pages are shared with other machines by KSM
  // (Documentation/admin-guide/mm/ksm.rst), page by page of 4 KiB, so that huge ones are not asked
  // for; kUnsupported in a kernel without it. None of it is in a core dump.
  static base::Result<GuestMemory> Create(std::span<const base::Range> ram,
                                          Pages pages = Pages::kTransparent,
                                          bool mergeable = false);

  const std::vector<Block>& blocks() const { return blocks_; }
  uint64_t size() const;
  // Empty when the range is not inside one block.
  std::span<std::byte> At(base::GuestPhys address, uint64_t size) const;

  // kUsage when the bytes do not fit.
  base::Status Store(base::GuestPhys address, std::span<const std::byte> bytes) const;
  template <class T>
  base::Status StoreValue(base::GuestPhys address, const T& value) const {
    static_assert(std::is_trivially_copyable_v<T>);
    return Store(address, std::as_bytes(std::span<const T, 1>(&value, 1)));
  }

 private:
  std::vector<Block> blocks_;
};

}  // namespace vmm
