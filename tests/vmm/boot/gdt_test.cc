#include "vmm/boot/gdt.h"

#include <gmock/gmock.h>

#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

using Type = base::Field<43, 40>;
using Long = base::Field<53>;
using Default32 = base::Field<54>;

uint64_t Descriptor(const std::vector<std::byte>& table, uint16_t selector) {
  return base::LoadLe<uint64_t>(table, selector);
}

// Intel SDM 3A, 5.2.1: L and D are never both set.
TEST(SegmentTable, CodeIs64BitOr32Bit) {
  const uint64_t code64 = Descriptor(SegmentTable(Protocol::kLinux64), kCodeSelector);
  EXPECT_EQ(Long::Get(code64), 1u);
  EXPECT_EQ(Default32::Get(code64), 0u);
  const uint64_t code32 = Descriptor(SegmentTable(Protocol::kPvh), kCodeSelector);
  EXPECT_EQ(Long::Get(code32), 0u);
  EXPECT_EQ(Default32::Get(code32), 1u);
}

TEST(SegmentTable, BeginsWithNullAndEndsWithABusyTask) {
  const auto table = SegmentTable(Protocol::kLinux64);
  EXPECT_EQ(Descriptor(table, 0), 0u);
  EXPECT_EQ(Type::Get(Descriptor(table, kDataSelector)), 0x3u);
  EXPECT_EQ(Type::Get(Descriptor(table, kTaskSelector)), 0xbu);
  EXPECT_EQ(table.size(), kTaskSelector + 16u);
}

}  // namespace
}  // namespace vmm::boot
