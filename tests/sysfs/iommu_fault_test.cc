#include "sysfs/iommu_fault.h"

#include <gmock/gmock.h>

namespace sysfs {
namespace {

constexpr PciAddress kEdu{0, 6, 0, 0};

TEST(IommuFault, AnyOtherLine) {
  for (const char* const line : {
           "",
           " ",
           ":",
           "DMAR: ",
           "DMAR: DRHD: handling fault status reg 2",
           "DMAR: [DMA ",
           "DMAR: [DMA Read] Request device [",
           "DMAR: [DMA Read] Request device [06:00.0]",
           "DMAR: [DMA Read] Request device [06:00.0] fault addr ",
           "DMAR: [DMA Read] Request device [06:00.0] fault addr 0x",
           "DMAR: [DMA Read] Request device [06:00.0] fault addr 0x12345678901234567 [x",
           "DMAR: [DMA Read] Request device [06:00.9] fault addr 0x1000",
           "DMAR: [DMA Read] Request device [0001:06:00.0] fault addr 0x1000",
           "DMAR: [DMA Fetch] Request device [06:00.0] fault addr 0x1000",
           "DMAR: [INTR-REMAP] Request device [06:00.0] fault index 0x1 [fault reason 0x22]",
           "a guest says DMAR: [DMA Read] Request device [06:00.0] fault addr 0x1000",
           "AMD-Vi: Event logged [IO_PAGE_FAULT",
           "AMD-Vi: Event logged [IO_PAGE_FAULT device=]",
           "AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x1 address=0x1 flags=0x20]",
           "AMD-Vi: Event logged [IO_PAGE_FAULT device=06:00.0 address=0x1000]",
           "AMD-Vi: Event logged [IO_PAGE_FAULT device=06:00.0 address=0x1000 flags=wide]",
           // An interrupt, not memory.
           "AMD-Vi: Event logged [IO_PAGE_FAULT device=06:00.0 domain=0x1 address=0x1 flags=0x28]",
           "vfio-pci 0000:06:00.0: enabling device (0000 -> 0002)",
           "vfio-pci: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x1 address=0x1 flags=0x20]",
           "x 06:00: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x1 address=0x1 flags=0x20]",
           "a 0000:06:00.0: b AMD-Vi: Event logged [IO_PAGE_FAULT address=0x1 flags=0x20]",
       }) {
    EXPECT_EQ(ParseIommuFault(line), std::nullopt) << line;
  }
}

TEST(IommuFault, IntelsOfEachKernel) {
  const IommuFault read = {kEdu, true, 0x20000000, false, "PTE Read access is not set"};
  for (const char* const line : {
           "DMAR: [DMA Read NO_PASID] Request device [06:00.0] fault addr 0x20000000 [fault reason "
           "0x06] PTE Read access is not set",
           "DMAR: [DMA Read PASID 0x1] Request device [06:00.0] fault addr 0x20000000 [fault "
           "reason "
           "0x06] PTE Read access is not set",
           "DMAR: [DMA Read] Request device [06:00.0] PASID ffffffff fault addr 20000000 [fault "
           "reason 06] PTE Read access is not set",
       }) {
    EXPECT_EQ(ParseIommuFault(line), read) << line;
  }
  const auto write = ParseIommuFault(
      "DMAR: [DMA Write NO_PASID] Request device [ff:1f.7] fault addr 0xfffffffffffff000");
  EXPECT_EQ(write, (IommuFault{{0, 0xff, 0x1f, 7}, true, 0xfffffffffffff000, true, ""}));
}

TEST(IommuFault, AmdsOfEachKernel) {
  EXPECT_EQ(ParseIommuFault("vfio-pci 0000:06:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT "
                            "domain=0x000b address=0x20000000 flags=0x0020]"),
            (IommuFault{kEdu, false, 0x20000000, true, "not mapped"}));
  EXPECT_EQ(ParseIommuFault("AMD-Vi: Event logged [IO_PAGE_FAULT device=06:00.0 domain=0x000b "
                            "address=0x20000000 flags=0x0010]"),
            (IommuFault{kEdu, true, 0x20000000, false, "no permission"}));
  EXPECT_EQ(ParseIommuFault("AMD-Vi: Event logged [IO_PAGE_FAULT device=0001:06:00.0 "
                            "domain=0x000b address=0x20000000 flags=0x0000]"),
            (IommuFault{{1, 6, 0, 0}, false, 0x20000000, false, "not mapped"}));
}

TEST(IommuFault, WhoseItIs) {
  IommuFault fault = {kEdu, true, 0, false, ""};
  EXPECT_TRUE(fault.IsOf(kEdu));
  EXPECT_TRUE(fault.IsOf({2, 6, 0, 0}));
  EXPECT_FALSE(fault.IsOf({0, 6, 0, 1}));
  fault.any_domain = false;
  EXPECT_FALSE(fault.IsOf({2, 6, 0, 0}));
}

TEST(IommuFault, TheReasonIsShortAndPrintable) {
  const auto fault = ParseIommuFault(
      "DMAR: [DMA Read] Request device [06:00.0] fault addr 1 [fault reason 1] \x1b[31m" +
      std::string(5000, 'x'));
  ASSERT_TRUE(fault);
  EXPECT_TRUE(fault->reason.starts_with("?[31mxx"));
  EXPECT_LE(fault->reason.size(), 100u);
}

}  // namespace
}  // namespace sysfs
