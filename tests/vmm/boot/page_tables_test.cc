#include "vmm/boot/page_tables.h"

#include <gmock/gmock.h>

#include "sysfs/base/address.h"
#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

constexpr uint64_t kAddress = 0x9000;
constexpr uint64_t kFrame = 0x000ffffffffff000;

// Walks the tables as a CPU does.
std::optional<uint64_t> Translate(std::span<const std::byte> tables, uint64_t address) {
  uint64_t table = kAddress;
  for (const unsigned shift : {39u, 30u, 21u}) {
    const auto entry =
        base::LoadLe<uint64_t>(tables, table - kAddress + 8 * (address >> shift & 511));
    if ((entry & 3) != 3) return std::nullopt;
    table = entry & kFrame;
    if (shift == 21)
      return (entry & 0x80) != 0 ? std::optional(table | (address & 0x1fffff)) : std::nullopt;
  }
  return std::nullopt;
}

TEST(IdentityPageTables, MapFourGibibytesOneToOneAndNothingElse) {
  const auto tables = IdentityPageTables(kAddress);
  ASSERT_EQ(tables.size(), 6 * base::kPageSize);
  for (uint64_t address = 0; address < 4 * base::kGiB; address += 2 * base::kMiB) {
    ASSERT_EQ(Translate(tables, address + 0x12345), address + 0x12345);
  }
  EXPECT_EQ(Translate(tables, 4 * base::kGiB), std::nullopt);
  EXPECT_EQ(Translate(tables, uint64_t{1} << 39), std::nullopt);
}

}  // namespace
}  // namespace vmm::boot
