#include "sysfs/base/address.h"

#include <gmock/gmock.h>

namespace base {
namespace {

TEST(Range, ContainsIsHalfOpen) {
  const Range range{0x1000, 0x1000};
  EXPECT_TRUE(range.Contains(0x1fff));
  EXPECT_FALSE(range.Contains(0x2000));
  EXPECT_TRUE(range.Contains(Range{0x1ff8, 8}));
  EXPECT_FALSE(range.Contains(Range{0x1ffc, 8}));
}

TEST(Range, ContainsIsSafeAtTheTop) {
  const Range range{UINT64_MAX - 0xfff, 0xfff};
  EXPECT_FALSE(range.Contains(Range{UINT64_MAX - 7, UINT64_MAX}));
}

TEST(Range, TouchingRangesDoNotOverlap) {
  EXPECT_FALSE((Range{0, 0x1000}.Overlaps(Range{0x1000, 0x1000})));
  EXPECT_TRUE((Range{0, 0x1001}.Overlaps(Range{0x1000, 0x1000})));
  EXPECT_FALSE((Range{0, 0}.Overlaps(Range{0, 0x1000})));
}

TEST(CheckedRange, RefusesToWrap) {
  EXPECT_EQ(CheckedRange(UINT64_MAX, 1), std::nullopt);
  EXPECT_TRUE(CheckedRange(UINT64_MAX - 1, 1).has_value());
}

}  // namespace
}  // namespace base
