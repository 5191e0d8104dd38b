#include "sysfs/holders.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kNode = {"/dev/vfio/14"};

TEST(FindHolders, NobodyWithoutProc) {
  const test::FakeTree tree;
  EXPECT_THAT(FindHolders(tree, kNode), IsEmpty());
}

TEST(FindHolders, NobodyOfNoNode) {
  test::FakeTree tree;
  tree.AddLink("/proc/7/fd/4", "/dev/vfio/14");
  EXPECT_THAT(FindHolders(tree, {}), IsEmpty());
}

TEST(FindHolders, OtherNodesDoNotCount) {
  test::FakeTree tree;
  tree.AddLink("/proc/100/fd/3", "/dev/vfio/15");
  tree.AddLink("/proc/101/fd/3", "/dev/vfio/vfio");
  tree.AddLink("/proc/102/fd/3", "/dev/vfio/114");
  tree.AddLink("/proc/103/fd/3", "/dev/null");
  tree.AddLink("/proc/104/fd/3", "socket:[77]");
  tree.AddLink("/proc/driver/fd/0", "/dev/vfio/14");
  EXPECT_THAT(FindHolders(tree, kNode), IsEmpty());
}

TEST(FindHolders, NamesProcessesInTheirOrder) {
  test::FakeTree tree;
  tree.AddLink("/proc/1200/fd/9", "/dev/vfio/14");
  tree.AddFile("/proc/1200/comm", "qemu-system-x86\n");
  tree.AddLink("/proc/7/fd/3", "/dev/vfio/1");
  tree.AddLink("/proc/7/fd/4", "/dev/vfio/14");
  tree.AddLink("/proc/7/fd/5", "/dev/vfio/14");
  tree.AddDirectory("/proc/9");  // of another user: no fd to be seen
  EXPECT_THAT(
      FindHolders(tree, kNode),
      ElementsAre(Holder{7, "", "/dev/vfio/14"}, Holder{1200, "qemu-system-x86", "/dev/vfio/14"}));
}

TEST(FindHolders, OfEachOfSeveralNodes) {
  test::FakeTree tree;
  tree.AddLink("/proc/7/fd/3", "/dev/vfio/14");
  tree.AddLink("/proc/7/fd/4", "/dev/vfio/devices/vfio0");
  const std::vector<std::string> nodes = {"/dev/vfio/14", "/dev/vfio/devices/vfio0"};
  EXPECT_THAT(FindHolders(tree, nodes),
              ElementsAre(Holder{7, "", nodes[0]}, Holder{7, "", nodes[1], 1}));
}

TEST(FindHolders, SeesThroughAnotherMountNamespace) {
  test::FakeTree tree;
  tree.AddLink("/proc/7/fd/3", "/vfio/14");
  EXPECT_THAT(FindHolders(tree, kNode), ElementsAre(Holder{7, "", "/vfio/14"}));
}

TEST(FindHolders, GoesByNumberWhereItIsKnown) {
  test::FakeTree tree;
  tree.AddLink("/proc/100/fd/5", "/node");
  tree.AddLink("/proc/101/fd/5", "/home/me/vfio/14");
  const auto number = [](const std::string& path) -> std::optional<uint64_t> {
    if (path == "/dev/vfio/14" || path == "/proc/100/fd/5") return 0xf10e;
    return std::nullopt;
  };
  EXPECT_THAT(FindHolders(tree, kNode, number), ElementsAre(Holder{100, "", "/node"}));
}

TEST(ListProcesses, AreInOrderOfTheirNumbers) {
  test::FakeTree tree;
  for (const char* name : {"9", "100", "10", "self", "net"}) {
    tree.AddDirectory(std::string("/proc/") + name);
  }
  EXPECT_THAT(ListProcesses(tree), ElementsAre(9, 10, 100));
}

}  // namespace
}  // namespace sysfs
