#include "sysfs/diagnosis/kernel_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sysfs {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const PciAddress kDevice = *PciAddress::Parse("0000:08:00.1");

TEST(KernelLog, FindsTheLinesOfTheDevice) {
  const auto lines = DecodeKernelLog(
      "<6>[    0.000000] Linux version 6.12\n"
      "<4>[   12.500000] vfio-pci 0000:08:00.1: Device is ineligible for IOMMU domain attach due "
      "to "
      "platform RMRR requirement.  Contact your platform vendor.\n"
      "[   13.000000] vfio-pci 0000:09:00.0: platform RMRR requirement\n",
      kDevice);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].meaning.grade, Grade::kBlocker);
  EXPECT_EQ(lines[0].meaning.check, "reserved-memory");
  EXPECT_TRUE(lines[0].line.starts_with("vfio-pci 0000:08:00.1: Device is")) << lines[0].line;
}

TEST(KernelLog, AnAddressThatContainsOursIsAnother) {
  EXPECT_THAT(DecodeKernelLog("[1.0] x 10000:08:00.1: not ready 1023ms after FLR\n", kDevice),
              IsEmpty());
  EXPECT_THAT(DecodeKernelLog("[1.0] x 0000:08:00.1a not ready\n", kDevice), IsEmpty());
  EXPECT_THAT(DecodeKernelLog("[1.0] x 0000:08:00.1: not ready\n", kDevice), SizeIs(1));
  EXPECT_THAT(DecodeKernelLog("not ready 0000:08:00.1", kDevice), SizeIs(1));
}

TEST(KernelLog, LinesOfTheHostAreForTheHost) {
  constexpr std::string_view kLog =
      "[1.0] kvm: disabled by bios\n"
      "[2.0] vfio-pci 0000:08:00.1: not ready 1023ms after FLR; waiting\n";
  const auto lines = DecodeKernelLog(kLog, std::nullopt);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].meaning.check, "kvm");
}

TEST(KernelLog, ARepeatedLineIsReportedOnceTheLatest) {
  const auto lines = DecodeKernelLog(
      "[1.0] vfio-pci 0000:08:00.1: not ready 1023ms after FLR; waiting\n"
      "[2.0] vfio-pci 0000:08:00.1: not ready 65535ms after FLR; giving up\n",
      kDevice);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_NE(lines[0].line.find("giving up"), std::string::npos);
}

TEST(KernelLog, OddTextIsNoTrouble) {
  for (const char* text : {"", "\n\n", "<", "[", "<6>", "[ 1.0", "\x01\xff[]<>", "[1.0] "}) {
    EXPECT_THAT(DecodeKernelLog(text, kDevice), IsEmpty());
    EXPECT_THAT(DecodeKernelLog(text, std::nullopt), IsEmpty());
  }
}

TEST(KernelLog, KnowsWhetherItHoldsTheBoot) {
  EXPECT_TRUE(HoldsBoot("[0.0] Linux version 6.1.0"));
  EXPECT_FALSE(HoldsBoot("[9000.0] usb 1-1: new device"));
}

}  // namespace
}  // namespace sysfs
