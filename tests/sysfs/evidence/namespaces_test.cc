#include "sysfs/evidence/namespaces.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NetworkNamespaces, EachOnceWithItsFirstProcess) {
  test::FakeTree tree;
  tree.AddLink("/proc/self/ns/net", "net:[1]");
  tree.AddLink("/proc/1/ns/net", "net:[1]");
  tree.AddLink("/proc/70/ns/net", "net:[2]");
  tree.AddFile("/proc/70/comm", "sleep\n");
  tree.AddLink("/proc/71/ns/net", "net:[2]");
  tree.AddLink("/proc/72/ns/net", "net:[3]");
  tree.AddDirectory("/proc/73");  // somebody else's
  EXPECT_THAT(ListNetworkNamespaces(tree),
              ElementsAre(NetworkNamespace{"/proc/70/ns/net", "pid 70 (sleep)", "nsenter -n -t 70"},
                          NetworkNamespace{"/proc/72/ns/net", "pid 72 (?)", "nsenter -n -t 72"}));
}

TEST(NetworkNamespaces, ThoseWithANameNeedNoProcess) {
  test::FakeTree tree;
  tree.AddFile("/run/netns/a b", "");
  EXPECT_THAT(
      ListNetworkNamespaces(tree),
      ElementsAre(NetworkNamespace{"/run/netns/a b", "ip netns a b", "ip netns exec 'a b'"}));
}

TEST(NetworkNamespaces, NoneWithoutProcesses) {
  EXPECT_THAT(ListNetworkNamespaces(test::FakeTree()), IsEmpty());
}

// Whoever may enter none finds none, and our own is none of them.
TEST(NetworkNamespaces, LookingForInterfacesEndsWhereItBegan) {
  const auto before = HostTree()->ReadLink("/proc/thread-self/ns/net");
  for (const DistantInterface& one : FindDistantInterfaces()) EXPECT_FALSE(one.name.empty());
  const auto after = HostTree()->ReadLink("/proc/thread-self/ns/net");
  EXPECT_EQ(before.has_value(), after.has_value());
  if (before && after) {
    EXPECT_EQ(*before, *after);
  }
}

}  // namespace
}  // namespace sysfs
