#include "sysfs/lock_holder.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

void AddTask(test::FakeTree& tree, int pid, const std::string& command, const std::string& stack) {
  const std::string folder = "/proc/" + std::to_string(pid);
  tree.AddFile(folder + "/comm", command + "\n");
  tree.AddFile(folder + "/stack", stack);
}

constexpr const char* kRemoving =
    "[<0>] msleep+0x2d/0x40\n"
    "[<0>] nvme_remove+0x51/0x170 [nvme]\n"
    "[<0>] device_release_driver_internal+0x19f/0x200\n"
    "[<0>] unbind_store+0xa1/0xb0\n";
constexpr const char* kWaiting =
    "[<0>] __mutex_lock.constprop.0+0x3a1/0x640\n"
    "[<0>] device_release_driver_internal+0x2f/0x200\n"
    "[<0>] unbind_store+0xa1/0xb0\n";
constexpr const char* kReading =
    "[<0>] mutex_lock+0x20/0x30\n[<0>] driver_override_show+0x2f/0x90\n";

TEST(LockHolder, NobodyIsSeenWithoutStacks) {
  test::FakeTree tree;
  tree.AddFile("/proc/1/comm", "init\n");
  EXPECT_EQ(FindLockHolder(tree), std::nullopt);
  EXPECT_EQ(HolderText(tree), "");
}

TEST(LockHolder, WhoWaitsForALockHasNone) {
  test::FakeTree tree;
  AddTask(tree, 5, "vassign", kReading);
  AddTask(tree, 6, "bash", kWaiting);
  AddTask(tree, 7, "sleep", "[<0>] hrtimer_nanosleep+0x1/0x2\n");
  EXPECT_EQ(FindLockHolder(tree), std::nullopt);
}

TEST(LockHolder, ARemoveFunctionUnderWayIsNamed) {
  test::FakeTree tree;
  AddTask(tree, 6, "bash", kWaiting);
  AddTask(tree, 77, "sh", kRemoving);
  EXPECT_EQ(FindLockHolder(tree), (LockHolder{77, "sh", "unbind_store", "msleep"}));
  EXPECT_EQ(HolderText(tree), ": pid 77 (sh) is in unbind_store and waits in msleep");
}

TEST(LockHolder, SoIsAProbeOfAKernelThread) {
  test::FakeTree tree;
  AddTask(tree, 9, "kworker/0:1",
          "[<0>] msleep+0x2d/0x40\n[<0>] local_pci_probe+0x42/0xa0\n"
          "[<0>] really_probe+0xde/0x340\n[<0>] __driver_probe_device+0x78/0x110\n");
  EXPECT_EQ(FindLockHolder(tree),
            (LockHolder{9, "kworker/0:1", "__driver_probe_device", "msleep"}));
}

}  // namespace
}  // namespace sysfs
