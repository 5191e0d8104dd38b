#include "vmm/boot/start_info.h"

#include <gmock/gmock.h>

#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

TEST(MakeStartInfo, IsVersion1) {
  const auto bytes = MakeStartInfo({0x20000, 0x3000, 0xe0000, 0x3100, 5});
  ASSERT_EQ(bytes.size(), 56u);
  EXPECT_EQ(base::LoadLe<uint32_t>(bytes, 0), 0x336ec578u);
  EXPECT_EQ(base::LoadLe<uint32_t>(bytes, 4), 1u);
  EXPECT_EQ(base::LoadLe<uint32_t>(bytes, 12), 1u);
  EXPECT_EQ(base::LoadLe<uint64_t>(bytes, 16), 0x3000u);
  EXPECT_EQ(base::LoadLe<uint64_t>(bytes, 24), 0x20000u);
  EXPECT_EQ(base::LoadLe<uint64_t>(bytes, 32), 0xe0000u);
  EXPECT_EQ(base::LoadLe<uint64_t>(bytes, 40), 0x3100u);
  EXPECT_EQ(base::LoadLe<uint32_t>(bytes, 48), 5u);
}

TEST(MakeStartInfo, HasNoModuleWithoutInitrd) {
  EXPECT_EQ(base::LoadLe<uint32_t>(MakeStartInfo({0x20000, 0, 0xe0000, 0x3100, 5}), 12), 0u);
}

TEST(MakeModule, IsTheInitrd) {
  const auto bytes = MakeModule({0x7000000, 0x123});
  ASSERT_EQ(bytes.size(), 32u);
  EXPECT_EQ(base::LoadLe<uint64_t>(bytes, 0), 0x7000000u);
  EXPECT_EQ(base::LoadLe<uint64_t>(bytes, 8), 0x123u);
}

TEST(MakeMemoryMapTable, Takes24BytesAnEntry) {
  const MapEntry map[] = {{{0, 0xa0000}, MapType::kRam}, {{0xe0000, 0x20000}, MapType::kAcpi}};
  const auto bytes = MakeMemoryMapTable(map);
  ASSERT_EQ(bytes.size(), 48u);
  EXPECT_EQ(base::LoadLe<uint64_t>(bytes, 24), 0xe0000u);
  EXPECT_EQ(base::LoadLe<uint64_t>(bytes, 32), 0x20000u);
  EXPECT_EQ(base::LoadLe<uint32_t>(bytes, 40), 3u);
}

}  // namespace
}  // namespace vmm::boot
