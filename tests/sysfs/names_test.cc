#include "sysfs/names.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

namespace sysfs {
namespace {

const std::string kIds = std::string(TEST_DATA_DIR) + "/pci.ids";

PciDevice Device(uint16_t vendor, uint16_t device) {
  PciDevice result;
  result.vendor = vendor;
  result.device = device;
  return result;
}

TEST(Names, UnknownNumbersAreNothingAndDescribedAsNumbers) {
  const Names names(kIds);
  EXPECT_EQ(names.Vendor(0xabcd), std::nullopt);
  EXPECT_EQ(names.Device(0x8086, 0xffff), std::nullopt);
  EXPECT_EQ(names.Subsystem(Device(0x8086, 0x10c9)), std::nullopt);
  EXPECT_EQ(names.Describe(Device(0xabcd, 0x1)), "vendor abcd device 0001");
  EXPECT_EQ(names.Describe(Device(0x8086, 0x1)), "Intel Corporation device 0001");
  EXPECT_EQ(names.DescribeClass(0x7f0100), "class 7f01");
}

TEST(Names, AbsentFileIsNoError) {
  const Names names("/nonexistent/pci.ids");
  EXPECT_EQ(names.Vendor(0x8086), std::nullopt);
  EXPECT_EQ(names.DescribeClass(0x010802), "class 0108");
}

TEST(Names, DamagedFileIsNoError) {
  const std::string path = testing::TempDir() + "damaged.ids";
  std::ofstream(path) << "8086  Intel Corporation\n<html>not found</html>\n";
  const Names names(path);
  EXPECT_EQ(names.Device(0x8086, 0x10c9), std::nullopt);
  EXPECT_EQ(names.Device(0x8086, 0x10c9), std::nullopt);
  std::remove(path.c_str());
}

TEST(Names, LooksUpAllKinds) {
  const Names names(kIds);
  PciDevice drive = Device(0x144d, 0xa808);
  drive.subsystem_vendor = 0x144d;
  drive.subsystem_device = 0xa801;
  EXPECT_EQ(names.Vendor(0x144d), "Samsung Electronics Co Ltd");
  EXPECT_EQ(names.Subsystem(drive), "SSD 970 EVO");
  EXPECT_EQ(names.Class(0x010802), "Non-Volatile memory controller");
  EXPECT_EQ(names.Interface(0x010802), "NVM Express");
  EXPECT_EQ(names.Describe(drive),
            "Samsung Electronics Co Ltd NVMe SSD Controller SM981/PM981/PM983");
}

}  // namespace
}  // namespace sysfs
