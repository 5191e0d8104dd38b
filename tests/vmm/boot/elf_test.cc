#include "vmm/boot/elf.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_files.h"
#include "tests/support/matchers.h"

namespace vmm::boot {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

template <class Unsigned>
test::Bytes With(size_t offset, Unsigned value) {
  test::Bytes file = test::MakeElfKernel();
  base::StoreLe<Unsigned>(file, offset, value);
  return file;
}

TEST(ParseElf, RefusesOtherMachines) {
  EXPECT_THAT(ParseElf(With<uint8_t>(0, 0)), FailsWith(Code::kUsage, HasSubstr("not an ELF")));
  EXPECT_THAT(ParseElf(With<uint8_t>(4, 1)), FailsWith(Code::kUsage, HasSubstr("64-bit")));
  EXPECT_THAT(ParseElf(With<uint16_t>(18, 183)), FailsWith(Code::kUsage, HasSubstr("x86-64")));
}

TEST(ParseElf, RefusesHeadersThatMakeNoSense) {
  EXPECT_THAT(ParseElf(With<uint16_t>(56, 0)), FailsWith(Code::kUsage, HasSubstr("object file")));
  EXPECT_THAT(ParseElf(With<uint16_t>(56, 0xffff)), FailsWith(Code::kUsage, HasSubstr("65535")));
  EXPECT_THAT(ParseElf(With<uint16_t>(54, 32)), FailsWith(Code::kUsage, HasSubstr("32 bytes")));
  EXPECT_THAT(ParseElf(With<uint64_t>(32, ~uint64_t{0})),
              FailsWith(Code::kUsage, HasSubstr("outside")));
  EXPECT_THAT(ParseElf(With<uint64_t>(64 + 8, ~uint64_t{0} - 16)),
              FailsWith(Code::kUsage, HasSubstr("segment 0")));
  EXPECT_THAT(ParseElf(With<uint64_t>(64 + 40, 0xff)),
              FailsWith(Code::kUsage, HasSubstr("segment 0")));
  EXPECT_THAT(ParseElf(With<uint64_t>(64 + 24, ~uint64_t{0} - 16)),
              FailsWith(Code::kUsage, HasSubstr("segment 0")));
}

TEST(ParseElf, RefusesTruncationBeforeTheLastSegmentsEnd) {
  const test::Bytes file = test::MakeElfKernel();
  for (size_t size = 0; size < 0x700; ++size) {
    EXPECT_THAT(ParseElf(std::span(file).first(size)), FailsWith(Code::kUsage)) << size;
  }
  EXPECT_THAT(ParseElf(std::span(file).first(0x700)), IsOk());
}

TEST(ParseElf, ReadsTheProgramHeaders) {
  const auto elf = ParseElf(test::MakeElfKernel());
  ASSERT_THAT(elf, IsOk());
  EXPECT_EQ(elf->entry, 0x1000000u);
  ASSERT_EQ(elf->segments.size(), 3u);
  EXPECT_EQ(elf->segments[0].type, kElfLoad);
  EXPECT_EQ(elf->segments[0].file, (base::Range{0x600, 0x100}));
  EXPECT_EQ(elf->segments[0].physical_address, 0x1200000u);
  EXPECT_EQ(elf->segments[0].memory_size, 0x1100u);
  EXPECT_EQ(elf->segments[2].type, kElfNote);
}

}  // namespace
}  // namespace vmm::boot
