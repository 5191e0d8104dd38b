#include "vmm/kvm/slots.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace vmm::kvm {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOkAnd;
using testing::HasSubstr;

TEST(SlotTable, RefusesWhatIsNoWholePage) {
  SlotTable slots;
  EXPECT_THAT(slots.Take({0x1000, 0}), FailsWith(Code::kInternal));
  EXPECT_THAT(slots.Take({0x1001, 0x1000}), FailsWith(Code::kInternal));
  EXPECT_THAT(slots.Take({0x1000, 0x800}), FailsWith(Code::kInternal));
  EXPECT_THAT(slots.Take({UINT64_MAX - 0xfff, 0x2000}), FailsWith(Code::kInternal));
}

TEST(SlotTable, NamesTheSlotThatIsInTheWay) {
  SlotTable slots;
  ASSERT_THAT(slots.Take({0, 0x10000}), IsOkAnd(0u));
  EXPECT_THAT(slots.Take({0xf000, 0x2000}),
              FailsWith(Code::kInternal, HasSubstr("overlaps the one at 0x0 of 0x10000")));
}

TEST(SlotTable, ReusesNumbers) {
  SlotTable slots;
  ASSERT_THAT(slots.Take({0, 0x1000}), IsOkAnd(0u));
  ASSERT_THAT(slots.Take({0x1000, 0x1000}), IsOkAnd(1u));
  slots.Release(0);
  EXPECT_EQ(slots.used(), 1u);
  EXPECT_THAT(slots.Take({0x4000, 0x1000}), IsOkAnd(0u));
}

TEST(SlotTable, HasAnEnd) {
  SlotTable slots;
  for (uint32_t i = 0; i < SlotTable::kMaxSlots; ++i)
    ASSERT_THAT(slots.Take({uint64_t{i} << 12, 0x1000}), IsOkAnd(i));
  EXPECT_THAT(slots.Take({uint64_t{1} << 40, 0x1000}), FailsWith(Code::kInternal));
}

}  // namespace
}  // namespace vmm::kvm
