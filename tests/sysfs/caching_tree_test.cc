#include "sysfs/caching_tree.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::Contains;

TEST(CachingTree, ShowsTheHostAsItWasAtTheFirstLook) {
  test::FakeTree below;
  below.AddFile("/proc/swaps", "first");
  const CachingTree tree(below);
  EXPECT_THAT(tree.Read("/proc/swaps"), IsOkAnd("first"));
  EXPECT_THAT(tree.List("/proc"), IsOkAnd(Contains("swaps")));
  EXPECT_TRUE(tree.Exists("/proc/swaps"));
  below.Remove("/proc/swaps");
  EXPECT_THAT(tree.Read("/proc/swaps"), IsOkAnd("first"));
  EXPECT_THAT(tree.List("/proc"), IsOkAnd(Contains("swaps")));
  EXPECT_TRUE(tree.Exists("/proc/swaps"));
}

TEST(CachingTree, RemembersWhatIsNotThere) {
  test::FakeTree below;
  const CachingTree tree(below);
  EXPECT_THAT(tree.Read("/proc/mdstat"), FailsWith(base::Code::kNotFound));
  below.AddFile("/proc/mdstat", "late");
  EXPECT_THAT(tree.Read("/proc/mdstat"), FailsWith(base::Code::kNotFound));
}

TEST(CachingTree, RefusesToWrite) {
  test::FakeTree below;
  below.AddFile("/x", "1");
  CachingTree tree(below);
  EXPECT_THAT(tree.Write("/x", "2"), FailsWith(base::Code::kInternal));
  EXPECT_THAT(below.Read("/x"), IsOkAnd("1"));
}

}  // namespace
}  // namespace sysfs
