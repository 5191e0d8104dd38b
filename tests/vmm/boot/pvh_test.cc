#include "vmm/boot/pvh.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_files.h"
#include "tests/support/matchers.h"

namespace vmm::boot {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::Each;
using testing::HasSubstr;

template <class Unsigned>
test::Bytes With(size_t offset, Unsigned value) {
  test::Bytes file = test::MakeElfKernel();
  base::StoreLe<Unsigned>(file, offset, value);
  return file;
}

TEST(ParsePvh, RefusesAnElfFileWithoutTheNote) {
  EXPECT_THAT(ParsePvh(With<uint32_t>(0x31c, 17)), FailsWith(Code::kUsage, HasSubstr("PVH entry")));
  EXPECT_THAT(ParsePvh(With<uint8_t>(0x320, 'x')), FailsWith(Code::kUsage, HasSubstr("PVH entry")));
}

TEST(ParsePvh, RefusesNotesThatLeaveTheirSegment) {
  for (const size_t offset : {0x300u, 0x304u, 0x314u, 0x318u}) {
    EXPECT_THAT(ParsePvh(With<uint32_t>(offset, 0xffffffff)), FailsWith(Code::kUsage)) << offset;
    EXPECT_THAT(ParsePvh(With<uint32_t>(offset, 0x40)), FailsWith(Code::kUsage)) << offset;
  }
}

TEST(ParsePvh, RefusesSegmentsAndEntriesInTheWrongPlace) {
  EXPECT_THAT(ParsePvh(With<uint64_t>(64 + 24, 0x9000)),
              FailsWith(Code::kUsage, HasSubstr("outside")));
  EXPECT_THAT(ParsePvh(With<uint64_t>(64 + 24, 0xfffff800)),
              FailsWith(Code::kUsage, HasSubstr("outside")));
  EXPECT_THAT(ParsePvh(With<uint64_t>(64 + 24, 0x1000100)),
              FailsWith(Code::kUsage, HasSubstr("overlap")));
  EXPECT_THAT(ParsePvh(With<uint64_t>(0x324, 0x1000200)),
              FailsWith(Code::kUsage, HasSubstr("in no segment")));
}

TEST(ParsePvh, SortsTheSegments) {
  const auto kernel = ParsePvh(test::MakeElfKernel());
  ASSERT_THAT(kernel, IsOk());
  EXPECT_EQ(kernel->entry, 0x1000040u);
  EXPECT_EQ(kernel->end, 0x1201100u);
  ASSERT_EQ(kernel->segments.size(), 2u);
  EXPECT_EQ(kernel->segments[0].memory, (base::Range{0x1000000, 0x200}));
  EXPECT_EQ(kernel->segments[1].memory, (base::Range{0x1200000, 0x1100}));
}

TEST(ParsePvh, TakesA32BitEntry) { EXPECT_THAT(ParsePvh(With<uint32_t>(0x318, 4)), IsOk()); }

TEST(ParsePvh, KeepsItsPromisesForDamagedFiles) {
  unsigned accepted = 0;
  test::ForDamaged(test::MakeElfKernel(), 0x330, 5000, [&](const test::Bytes& file) {
    auto kernel = ParsePvh(file);
    if (!kernel) return;
    ++accepted;
    uint64_t end = base::kMiB;
    for (const PvhSegment& segment : kernel->segments) {
      ASSERT_GE(segment.memory.base, end);
      ASSERT_GE(segment.memory.size, segment.file.size);
      ASSERT_TRUE((base::Range{0, file.size()}.Contains(segment.file)));
      end = segment.memory.end();
    }
    ASSERT_LE(end, 4 * base::kGiB);
  });
  EXPECT_GT(accepted, 0u);
}

}  // namespace
}  // namespace vmm::boot
