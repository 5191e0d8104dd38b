#include "vmm/guest/host_kernel.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace vmm::guest {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOkAnd;
using testing::AllOf;
using testing::HasSubstr;

TEST(RunningRelease, RefusesWhatIsNoRelease) {
  test::FakeTree tree;
  EXPECT_FALSE(RunningRelease(tree));
  tree.AddFile("/proc/sys/kernel/osrelease", "../evil\n");
  EXPECT_THAT(RunningRelease(tree), FailsWith(Code::kUnsupported));
}

TEST(RunningRelease, IsWhatTheKernelSays) {
  test::FakeTree tree;
  tree.AddFile("/proc/sys/kernel/osrelease", "6.12.1-amd64\n");
  EXPECT_THAT(RunningRelease(tree), IsOkAnd("6.12.1-amd64"));
}

TEST(FindKernel, NamesAllFilesThatItLookedFor) {
  const test::FakeTree tree;
  const auto kernel = FindKernel(tree, "6.12.1");
  EXPECT_THAT(kernel,
              FailsWith(Code::kUnsupported, AllOf(HasSubstr("/boot/vmlinuz-6.12.1"),
                                                  HasSubstr("/lib/modules/6.12.1/vmlinuz"))));
  EXPECT_THAT(kernel.error().hint(), HasSubstr("--kernel"));
}

TEST(FindKernel, TakesTheOneInBootFirst) {
  test::FakeTree tree;
  tree.AddFile("/lib/modules/6.12.1/vmlinuz", "x");
  EXPECT_THAT(FindKernel(tree, "6.12.1"), IsOkAnd("/lib/modules/6.12.1/vmlinuz"));
  tree.AddFile("/boot/vmlinuz-6.12.1", "x");
  EXPECT_THAT(FindKernel(tree, "6.12.1"), IsOkAnd("/boot/vmlinuz-6.12.1"));
}

}  // namespace
}  // namespace vmm::guest
