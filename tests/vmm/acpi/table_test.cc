#include "vmm/acpi/table.h"

#include <gmock/gmock.h>

namespace vmm::acpi {
namespace {

TEST(Table, FillsLengthAndChecksum) {
  Table table("TEST", 3, 40);
  table.Set<uint32_t>(36, 0x12345678);
  table.Append<uint8_t>(0xab);
  const auto bytes = table.Finish();
  ASSERT_EQ(bytes.size(), 41u);
  EXPECT_EQ(base::LoadLe<uint32_t>(bytes, 0), 0x54534554u);
  EXPECT_EQ(base::LoadLe<uint32_t>(bytes, 4), 41u);
  EXPECT_EQ(base::LoadLe<uint8_t>(bytes, 8), 3);
  EXPECT_EQ(base::LoadLe<uint8_t>(bytes, 40), 0xab);
  EXPECT_EQ(Sum(bytes), 0);
}

TEST(Table, FinishesTwiceAlike) {
  const Table table("TEST", 1);
  EXPECT_EQ(table.Finish(), table.Finish());
}

}  // namespace
}  // namespace vmm::acpi
