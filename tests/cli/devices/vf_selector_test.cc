#include "cli/devices/vf_selector.h"

#include <gtest/gtest.h>

#include "cli/devices/selector.h"
#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"

namespace cli {
namespace {

using base::Code;
using sysfs::PciAddress;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::HasSubstr;

class VfSelector : public testing::Test {
 protected:
  VfSelector() {
    EXPECT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "3"), IsOk());
  }
  test::SriovWorld world_;
};

TEST_F(VfSelector, BadNumbersAreUsage) {
  for (const char* text : {"03:00.0#", "03:00.0#a", "03:00.0#-1", "03:00.0#2-1", "03:00.0#1-2-3"})
    EXPECT_THAT(Select(world_.tree(), text), FailsWith(Code::kUsage)) << text;
}

TEST_F(VfSelector, NumbersMeanAddresses) {
  EXPECT_THAT(SelectOne(world_.tree(), "03:00.0#1"), IsOkAnd(PciAddress{0, 3, 0x10, 1}));
  EXPECT_THAT(Select(world_.tree(), "vf:03:00.0#1-2"),
              IsOkAnd(ElementsAre(PciAddress{0, 3, 0x10, 1}, PciAddress{0, 3, 0x10, 2})));
}

TEST_F(VfSelector, AbsentOnesAreNotFound) {
  EXPECT_THAT(Select(world_.tree(), "03:00.0#2-3"),
              FailsWith(Code::kNotFound, HasSubstr("no virtual function 3")));
  EXPECT_THAT(Select(world_.tree(), "05:00.0#0"), FailsWith(Code::kNotFound));
  EXPECT_THAT(Select(world_.tree(), "08:00.0#0"), FailsWith(Code::kNotFound));
}

// For a function that is to be made.
TEST_F(VfSelector, RangeNeedsThePhysicalFunctionAlone) {
  const auto range = SelectVfRange(world_.tree(), "08:00.0#2-3");
  ASSERT_THAT(range, IsOk());
  EXPECT_EQ(range->pf, test::kSriovDrive);
  EXPECT_EQ(range->first, 2u);
  EXPECT_EQ(range->last, 3u);
}

}  // namespace
}  // namespace cli
