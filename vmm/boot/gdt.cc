#include "vmm/boot/gdt.h"

#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

// Base 0, limit 4 GiB, present, accessed.
constexpr uint64_t kCode64 = 0x00af9b000000ffff;
constexpr uint64_t kCode32 = 0x00cf9b000000ffff;
constexpr uint64_t kData = 0x00cf93000000ffff;
constexpr uint64_t kBusyTask = 0x00008b0000000067;  // base 0, limit 0x67
constexpr size_t kSize = size_t{6} * 8;             // a task descriptor of 64-bit mode takes two

}  // namespace

std::vector<std::byte> SegmentTable(Protocol protocol) {
  std::vector<std::byte> table(kSize);
  base::StoreLe<uint64_t>(table, kCodeSelector, protocol == Protocol::kPvh ? kCode32 : kCode64);
  base::StoreLe<uint64_t>(table, kDataSelector, kData);
  base::StoreLe<uint64_t>(table, kTaskSelector, kBusyTask);
  return table;
}

}  // namespace vmm::boot
