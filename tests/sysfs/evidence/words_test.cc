#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

TEST(ShellWord, QuotesWhatAShellWouldRead) {
  EXPECT_EQ(ShellWord("/mnt/data-1.2"), "/mnt/data-1.2");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("/my data"), "'/my data'");
  EXPECT_EQ(ShellWord("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord("\xc3\xa4"), "'\xc3\xa4'");
}

TEST(FunctionsInstead, IsOfferedWhereThereCanBeSome) {
  PciDevice device;
  device.address = kAddress;
  EXPECT_EQ(FunctionsInstead(device), "");
  device.sriov_totalvfs = 7;
  EXPECT_EQ(FunctionsInstead(device),
            ", or assign one of its virtual functions: vassign sriov set 0000:08:00.0 1");
  device.sriov_numvfs = 2;
  EXPECT_EQ(FunctionsInstead(device), ", or assign one of its virtual functions");
}

}  // namespace
}  // namespace sysfs
