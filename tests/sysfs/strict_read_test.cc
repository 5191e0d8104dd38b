#include "sysfs/strict_read.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/unreadable_tree.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

TEST(StrictRead, AbsentIsNothing) {
  test::FakeTree tree;
  tree.AddFile("/folder/file", "text\n");
  EXPECT_THAT(ReadIfThere(tree, "/folder/file"), IsOkAnd(Optional(std::string("text"))));
  EXPECT_THAT(ReadIfThere(tree, "/folder/none"), IsOkAnd(std::nullopt));
  EXPECT_THAT(ListIfThere(tree, "/folder"), IsOkAnd(ElementsAre("file")));
  EXPECT_THAT(ListIfThere(tree, "/none"), IsOkAnd(IsEmpty()));
  tree.AddLink("/folder/link", "../elsewhere/name");
  EXPECT_THAT(LinkIfThere(tree, "/folder/link"), IsOkAnd(Optional(std::string("name"))));
  EXPECT_THAT(LinkIfThere(tree, "/folder/none"), IsOkAnd(std::nullopt));
  EXPECT_THAT(LinkIfThere(tree, "/folder/file"), IsOkAnd(std::nullopt));
}

TEST(StrictRead, UnreadableIsAnError) {
  test::FakeTree below;
  below.AddFile("/folder/file", "text\n");
  below.AddLink("/folder/link", "name");
  const test::UnreadableTree broken(below, {"/folder/file", "/folder", "/folder/link"}, EIO);
  EXPECT_THAT(LinkIfThere(broken, "/folder/link"), FailsWith(Code::kKernel));
  EXPECT_THAT(ReadIfThere(broken, "/folder/file"), FailsWith(Code::kKernel));
  EXPECT_THAT(ListIfThere(broken, "/folder"), FailsWith(Code::kKernel));
}

TEST(StrictRead, ADeviceThatIsBeingRemovedHasItStill) {
  test::FakeTree below;
  below.AddFile("/folder/file", "text\n");
  const test::UnreadableTree going(below, {"/folder/file", "/folder"}, ENODEV);
  EXPECT_THAT(ReadIfThere(going, "/folder/file"), FailsWith(Code::kNotFound));
  EXPECT_THAT(ListIfThere(going, "/folder"), FailsWith(Code::kNotFound));
}

}  // namespace
}  // namespace sysfs
