#include "vmm/fault_text.h"

#include <gmock/gmock.h>

namespace vmm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Layout SmallGuest() {
  Layout layout;
  layout.ram = {{0, 64 * base::kMiB}};
  layout.mmio32 = {0xc0000000, 0x3ec00000};
  return layout;
}

std::string TextOf(uint64_t address, bool write, const std::string& reason) {
  return FaultText("0000:06:00.0", {{0, 6, 0, 0}, true, address, write, reason}, SmallGuest());
}

TEST(FaultText, SaysWhoWantedWhatAndWhy) {
  EXPECT_THAT(TextOf(0x20000000, true, "not mapped"),
              AllOf(HasSubstr("0000:06:00.0: the IOMMU stopped"), HasSubstr("write to 0x20000000"),
                    HasSubstr("(not mapped)"), HasSubstr("\n  hint: ")));
  EXPECT_THAT(TextOf(0x20000000, false, ""), AllOf(HasSubstr("read from"), Not(HasSubstr("("))));
}

TEST(FaultText, ThePlaceDecidesTheCure) {
  EXPECT_THAT(TextOf(64 * base::kMiB - 1, true, ""), HasSubstr("balloon"));
  EXPECT_THAT(TextOf(64 * base::kMiB, true, ""), HasSubstr("no memory of the guest"));
  EXPECT_THAT(TextOf(0xc0000000, true, ""), HasSubstr("DMA between devices"));
  EXPECT_THAT(TextOf(UINT64_MAX, true, ""), HasSubstr("no memory of the guest"));
}

}  // namespace
}  // namespace vmm
