#include "vmm/guest/busybox.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/program_files.h"

namespace vmm::guest {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

auto At(const char* path) { return Field(&GuestFile::path, path); }

TEST(FindBusybox, NamesThePackageWhenThereIsNone) {
  const test::FakeTree tree;
  const auto files = FindBusybox(tree);
  EXPECT_THAT(files, FailsWith(Code::kUnsupported, HasSubstr("/bin/busybox")));
  EXPECT_THAT(files.error().hint(), HasSubstr("busybox-static"));
}

TEST(FindBusybox, NamesTheLibraryThatIsMissing) {
  test::FakeTree tree;
  tree.AddBytes("/bin/busybox", test::MakeProgram("/lib64/ld.so", {"libc.so.6"}));
  tree.AddBytes("/lib64/ld.so", test::MakeProgram("", {}));
  EXPECT_THAT(FindBusybox(tree), FailsWith(Code::kUnsupported, AllOf(HasSubstr("/bin/busybox"),
                                                                     HasSubstr("libc.so.6"))));
}

TEST(FindBusybox, RefusesWhatIsNoProgram) {
  test::FakeTree tree;
  tree.AddFile("/bin/busybox", "#!/bin/sh\n");
  EXPECT_THAT(FindBusybox(tree), FailsWith(Code::kUsage, HasSubstr("/bin/busybox")));
}

TEST(FindBusybox, PrefersTheStaticOne) {
  test::FakeTree tree;
  tree.AddBytes("/bin/busybox", test::MakeProgram("/lib64/ld.so", {"libc.so.6"}));
  tree.AddBytes("/usr/bin/busybox", test::MakeProgram("", {}));
  const auto files = FindBusybox(tree);
  ASSERT_THAT(files, IsOk());
  EXPECT_THAT(*files, ElementsAre(At("/bin/busybox")));
  EXPECT_EQ(files->front().bytes, test::MakeProgram("", {}));
}

TEST(FindBusybox, TakesLibrariesOfLibrariesOnce) {
  test::FakeTree tree;
  tree.AddBytes("/bin/busybox", test::MakeProgram("/lib64/ld.so", {"libm.so.6", "libc.so.6"}));
  tree.AddBytes("/lib64/ld.so", test::MakeProgram("", {}));
  tree.AddBytes("/lib/x86_64-linux-gnu/libm.so.6", test::MakeProgram("", {"libc.so.6"}));
  tree.AddBytes("/usr/lib/libc.so.6", test::MakeProgram("/lib64/ld.so", {}));
  const auto files = FindBusybox(tree);
  ASSERT_THAT(files, IsOk());
  EXPECT_THAT(*files, ElementsAre(At("/bin/busybox"), At("/lib/x86_64-linux-gnu/libm.so.6"),
                                  At("/usr/lib/libc.so.6"), At("/lib64/ld.so")));
}

}  // namespace
}  // namespace vmm::guest
