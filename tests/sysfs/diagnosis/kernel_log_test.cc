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

TEST(KernelLog, EveryLineAboutADeviceIsTold) {
  const std::vector<PciAddress> devices = {kDevice};
  const auto lines = LinesAbout(
      "8139cp 0000:08:00.1: no MMIO resource\n"
      "8139cp 0000:09:00.0: no MMIO resource\n"
      "8139cp 0000:08:00.1: probe with driver 8139cp failed with error -5\n"
      "kvm: disabled by bios\n",
      devices);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].line, "8139cp 0000:08:00.1: no MMIO resource");
  EXPECT_EQ(lines[0].meaning, Finding());
  EXPECT_EQ(lines[1].meaning.check, "probe");
  EXPECT_EQ(lines[1].meaning.text, "the driver gave up on the device: Input/output error");
}

TEST(KernelLog, OlderKernelsTellOfAProbeInOtherWords) {
  const std::vector<PciAddress> devices = {kDevice};
  const auto lines = LinesAbout("igb: probe of 0000:08:00.1 failed with error -12", devices);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].meaning.text, "the driver gave up on the device: Cannot allocate memory");
  for (const char* odd : {"failed with error -", "failed with error -99999999999", "with error -x"})
    EXPECT_THAT(LinesAbout(std::string("x 0000:08:00.1: ") + odd, devices), SizeIs(1)) << odd;
}

TEST(KernelLog, OfManyLinesTheLatestAreToldEachOnce) {
  std::string log;
  for (int number = 0; number < 20; ++number)
    log += "x 0000:08:00.1: line " + std::to_string(number) + "\n";
  log += "x 0000:08:00.1: line 15\n";
  const std::vector<PciAddress> devices = {kDevice};
  const auto lines = LinesAbout(log, devices);
  ASSERT_THAT(lines, SizeIs(8));
  EXPECT_EQ(lines.back().line, "x 0000:08:00.1: line 15");
  EXPECT_EQ(lines.front().line, "x 0000:08:00.1: line 12");
  EXPECT_THAT(LinesAbout(log, {}), IsEmpty());
}

TEST(KernelLog, FindsTheDevicesThatAMessageNames) {
  EXPECT_THAT(NamedDevices("take 0000:08:00.1 from nvme: /sys/bus/pci/devices/0000:08:00.1/x: no\n"
                           "  now: 10000:01:00.0: nvme."),
              testing::ElementsAre(kDevice, *PciAddress::Parse("10000:01:00.0")));
  for (const char* none :
       {"", "08:00.1", "00:11:22:33:44:55", "0000:08:00.", "0000:08:00.9", "::::"})
    EXPECT_THAT(NamedDevices(none), IsEmpty()) << none;
}

TEST(KernelLog, KnowsWhetherItHoldsTheBoot) {
  EXPECT_TRUE(HoldsBoot("[0.0] Linux version 6.1.0"));
  EXPECT_FALSE(HoldsBoot("[9000.0] usb 1-1: new device"));
}

}  // namespace
}  // namespace sysfs
