#include "sysfs/base/bits.h"

#include <gmock/gmock.h>

#include <array>

namespace base {
namespace {

TEST(Field, GetsAndSetsOnlyItsBits) {
  using Middle = Field<7, 4>;
  EXPECT_EQ(Middle::Get(uint32_t{0xabcd}), 0xcu);
  EXPECT_EQ(Middle::Set(uint32_t{0xabcd}, uint32_t{0x1}), 0xab1du);
  EXPECT_EQ(Middle::Set(uint16_t{0}, uint16_t{0xff}), 0xf0u);
}

TEST(LoadLe, ReadsAllOnesBeyondTheBlock) {
  const std::array block{std::byte{0x12}, std::byte{0x34}};
  EXPECT_EQ(LoadLe<uint16_t>(block, 0), 0x3412u);
  EXPECT_EQ(LoadLe<uint16_t>(block, 1), 0xffffu);
  EXPECT_EQ(LoadLe<uint32_t>(block, SIZE_MAX), 0xffffffffu);
}

TEST(StoreLe, IgnoresWhatDoesNotFit) {
  std::array<std::byte, 2> block{};
  StoreLe<uint16_t>(block, 1, 0xffff);
  EXPECT_EQ(block[1], std::byte{0});
  StoreLe<uint16_t>(block, 0, 0x3412);
  EXPECT_EQ(block[1], std::byte{0x34});
}

}  // namespace
}  // namespace base
