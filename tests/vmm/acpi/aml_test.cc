#include "vmm/acpi/aml.h"

#include <gmock/gmock.h>

#include <initializer_list>

namespace vmm::acpi::aml {
namespace {

Code Raw(std::initializer_list<int> bytes) {
  Code code;
  for (const int byte : bytes) code.push_back(static_cast<std::byte>(byte));
  return code;
}

TEST(Integer, TakesTheShortestForm) {
  EXPECT_EQ(Integer(0), Raw({0x00}));
  EXPECT_EQ(Integer(1), Raw({0x01}));
  EXPECT_EQ(Integer(2), Raw({0x0a, 2}));
  EXPECT_EQ(Integer(0xff), Raw({0x0a, 0xff}));
  EXPECT_EQ(Integer(0x100), Raw({0x0b, 0, 1}));
  EXPECT_EQ(Integer(0x10000), Raw({0x0c, 0, 0, 1, 0}));
  EXPECT_EQ(Integer(0x100000000), Raw({0x0e, 0, 0, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(Integer(~uint64_t{0}).size(), 9u);
}

// ACPI 6.5, 19.3.4 gives PNP0A03 as an example of the compression.
TEST(EisaId, CompressesThreeLettersAndFourDigits) {
  EXPECT_EQ(EisaId("PNP0A03"), Raw({0x0c, 0x41, 0xd0, 0x0a, 0x03}));
}

TEST(Uuid, TurnsTheFirstThreeFieldsRound) {
  EXPECT_EQ(Uuid("33db4d5b-1ff7-401c-9657-7441c03dd766"),
            Raw({0x11, 0x13, 0x0a, 0x10, 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f,
                 0x1c, 0x40, 0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66}));
}

TEST(Path, PadsAndCountsSegments) {
  EXPECT_EQ(Path("_S5"), Raw({'_', 'S', '5', '_'}));
  EXPECT_EQ(Path("\\_SB"), Raw({'\\', '_', 'S', 'B', '_'}));
  EXPECT_EQ(Path("A.B"), Raw({0x2e, 'A', '_', '_', '_', 'B', '_', '_', '_'}));
  EXPECT_EQ(Path("A.B.C").size(), 2u + 12);
  EXPECT_EQ(Path("A.B.C")[0], std::byte{0x2f});
}

// 20.2.4: the length includes its own bytes; 63 is the last for one, 4095 for two, 2^20 - 1 for
// three.
TEST(Package, LengthGrowsWithTheBody) {
  const auto lead = [](size_t body) {
    const Code code = Else({Code(body)});
    return std::vector<int>{static_cast<int>(code[1]), static_cast<int>(code[2]),
                            static_cast<int>(code.size())};
  };
  EXPECT_EQ(lead(62), (std::vector<int>{63, 0, 64}));
  EXPECT_EQ(lead(63), (std::vector<int>{0x41, 0x04, 66}));
  EXPECT_EQ(lead(4093), (std::vector<int>{0x4f, 0xff, 4096}));
  EXPECT_EQ(lead(4094), (std::vector<int>{0x81, 0x00, 4098}));
}

TEST(ResourceTemplate, EndsWithTheEndTag) {
  EXPECT_EQ(ResourceTemplate({}), Raw({0x11, 0x05, 0x0a, 0x02, 0x79, 0x00}));
}

TEST(IoPort, IsFixed) { EXPECT_EQ(IoPort(0x3f8, 8), Raw({0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8})); }

TEST(Irq, IsABitOfAMask) { EXPECT_EQ(Irq(9), Raw({0x22, 0x00, 0x02})); }

TEST(Memory32Window, HasInclusiveBounds) {
  EXPECT_EQ(Memory32Window({0xc0000000, 0x3ec00000}),
            Raw({0x87, 0x17, 0,    0,    0x0c, 0x01, 0, 0, 0, 0, 0, 0,    0,
                 0xc0, 0xff, 0xff, 0xbf, 0xfe, 0,    0, 0, 0, 0, 0, 0xc0, 0x3e}));
}

TEST(BusWindow, CountsBothEnds) {
  EXPECT_EQ(BusWindow(0, 255),
            Raw({0x88, 0x0d, 0, 2, 0x0c, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0x00, 0x01}));
}

TEST(IoWindow, OfTheWholeSpaceStays16Bits) {
  const Code code = IoWindow(0xd00, 0xffff);
  EXPECT_EQ(code.size(), 16u);
  EXPECT_EQ(code[14], std::byte{0x00});
  EXPECT_EQ(code[15], std::byte{0xf3});
}

}  // namespace
}  // namespace vmm::acpi::aml
