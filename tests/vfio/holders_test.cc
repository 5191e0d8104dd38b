#include "vfio/holders.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"

namespace vfio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(FindHolders, NobodyWithoutProc) {
  test::FakeTree tree;
  EXPECT_THAT(FindHolders(tree, "/dev/vfio/14"), IsEmpty());
}

TEST(FindHolders, NamesProcessesInTheirOrder) {
  test::FakeTree tree;
  tree.AddLink("/proc/1200/fd/9", "/dev/vfio/14");
  tree.AddFile("/proc/1200/comm", "qemu-system-x86\n");
  tree.AddLink("/proc/7/fd/3", "/dev/vfio/1");
  tree.AddLink("/proc/7/fd/4", "/dev/vfio/14");
  tree.AddLink("/proc/8/fd/0", "/dev/null");
  tree.AddDirectory("/proc/9");  // of another user: no fd to be seen
  tree.AddLink("/proc/driver/fd/0", "/dev/vfio/14");
  EXPECT_THAT(FindHolders(tree, "/dev/vfio/14"),
              ElementsAre(Holder{7, ""}, Holder{1200, "qemu-system-x86"}));
}

}  // namespace
}  // namespace vfio
