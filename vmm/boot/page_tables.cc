#include "vmm/boot/page_tables.h"

#include <span>

#include "sysfs/base/address.h"
#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

constexpr uint64_t kPresentWritable = 0x3;
constexpr uint64_t kLargePage = 0x80;
constexpr uint64_t kDirectories = 4;  // one maps 1 GiB
constexpr uint64_t kEntries = 512;
constexpr uint64_t kLargePageSize = 2 * base::kMiB;

}  // namespace

std::vector<std::byte> IdentityPageTables(uint64_t address) {
  std::vector<std::byte> tables((2 + kDirectories) * base::kPageSize);
  const uint64_t pointers = base::kPageSize;
  const uint64_t directories = 2 * base::kPageSize;
  base::StoreLe<uint64_t>(tables, 0, (address + pointers) | kPresentWritable);
  for (uint64_t index = 0; index < kDirectories; ++index) {
    base::StoreLe<uint64_t>(tables, pointers + 8 * index,
                            (address + directories + index * base::kPageSize) | kPresentWritable);
  }
  for (uint64_t index = 0; index < kDirectories * kEntries; ++index) {
    base::StoreLe<uint64_t>(tables, directories + 8 * index,
                            index * kLargePageSize | kLargePage | kPresentWritable);
  }
  return tables;
}

}  // namespace vmm::boot
