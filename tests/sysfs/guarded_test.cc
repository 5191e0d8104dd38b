#include "sysfs/guarded.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "tests/support/recorded_host.h"
#include "tests/support/stuck_tree.h"
#include "tests/support/unreadable_tree.h"

namespace sysfs {
namespace {

using std::chrono::milliseconds;

std::string PathOf(const char* bdf, const char* attribute) {
  return std::string("/sys/bus/pci/devices/") + bdf + "/" + attribute;
}

std::vector<PciDevice> Read(const Tree& tree, Patience patience = {}) {
  auto devices = ReadDevices(tree, Detail::kUnlocked).value_or(std::vector<PciDevice>{});
  ReadGuarded(tree, devices, patience);
  return devices;
}

TEST(Guarded, SaysTheSameAsADirectRead) {
  auto tree = test::LoadHost("host.txt");
  tree->AddFile(PathOf("0000:09:00.0", "driver_override"), "a name with blanks\n");
  const auto found = Read(*tree);
  const auto wanted = ReadDevices(*tree, Detail::kFull);
  ASSERT_EQ(found.size(), wanted->size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].driver_override, (*wanted)[i].driver_override) << found[i].path();
    EXPECT_EQ(found[i].sriov_numvfs, (*wanted)[i].sriov_numvfs) << found[i].path();
    EXPECT_FALSE(found[i].busy);
  }
}

TEST(Guarded, NoDevicesNoProcess) { ReadGuarded(*test::LoadHost("host.txt"), {}); }

TEST(Guarded, StuckDevicesAreBusyAndTheOthersAreRead) {
  const test::StuckTree tree(
      test::LoadHost("host.txt"),
      {PathOf("0000:03:00.0", "sriov_numvfs"), PathOf("0000:00:00.0", "driver_override"),
       PathOf("10000:01:00.0", "driver_override")});
  const auto start = std::chrono::steady_clock::now();
  const auto devices = Read(tree, {milliseconds(2000)});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  std::vector<std::string> busy;
  for (const PciDevice& device : devices) {
    if (device.busy) busy.push_back(device.address.ToString());
    if (device.address == PciAddress{0, 0x0a, 2, 0}) {
      EXPECT_EQ(device.driver_override, "vfio-pci");
    }
    if (device.address == PciAddress{0, 8, 0, 0}) {
      EXPECT_EQ(device.sriov_numvfs, 0u);
    }
  }
  EXPECT_THAT(busy, testing::ElementsAre("0000:00:00.0", "0000:03:00.0", "10000:01:00.0"));
}

TEST(Guarded, AStuckDeviceIsAskedAgainOnlyWhenItsReaderHasEnded) {
  const std::string stuck = PathOf("0000:08:00.0", "driver_override");
  const auto host = test::LoadHost("host.txt");
  const test::StuckTree locked(test::LoadHost("host.txt"), {stuck});
  std::vector<PciDevice> drive{*ReadDevice(*host, {0, 8, 0, 0}, Detail::kUnlocked)};
  GuardedReader reader;
  reader.Read(locked, drive, {milliseconds(200)});
  EXPECT_TRUE(drive[0].busy);
  const auto start = std::chrono::steady_clock::now();
  while (drive[0].busy && std::chrono::steady_clock::now() - start < std::chrono::seconds(30))
    reader.Read(*host, drive);
  EXPECT_FALSE(drive[0].busy);
  EXPECT_EQ(drive[0].sriov_numvfs, 0u);
}

TEST(Guarded, AnErrorIsCarriedAndTheOthersAreRead) {
  const auto host = test::LoadHost("host.txt");
  const std::string path = PathOf("0000:03:00.0", "sriov_numvfs");
  const test::UnreadableTree tree(*host, {path}, EIO);
  auto devices = ReadDevices(tree, Detail::kUnlocked).value_or(std::vector<PciDevice>{});
  const auto errors = ReadGuarded(tree, devices);
  EXPECT_THAT(errors, testing::ElementsAre(
                          testing::Pair(PciAddress{0, 3, 0, 0}, path + ": Input/output error")));
  for (const PciDevice& device : devices)
    EXPECT_EQ(device.busy, device.address == (PciAddress{0, 3, 0, 0})) << device.path();
  auto device = *ReadDevice(tree, {0, 3, 0, 0}, Detail::kUnlocked);
  ReadLocked(tree, device);
  EXPECT_EQ(device.sriov_numvfs, std::nullopt);
}

TEST(Guarded, AFileWithLinesCannotForgeTheAnswerOfAnother) {
  auto tree = test::LoadHost("host.txt");
  tree->AddFile(PathOf("0000:00:00.0", "driver_override"), "one\n9 two\n");
  const auto devices = Read(*tree);
  EXPECT_EQ(devices[0].driver_override, "one");
  EXPECT_EQ(devices[1].driver_override, std::nullopt);
}

}  // namespace
}  // namespace sysfs
