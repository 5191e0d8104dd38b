#include "vfio/reset.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"

namespace vfio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ResetMethods Read(const char* text) {
  test::FakeTree tree;
  tree.AddDevice({.bdf = "0000:08:00.0"});
  tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/reset_method", text);
  return ReadResetMethods(tree, {0, 8, 0, 0});
}

TEST(ReadResetMethods, NoneWithoutTheFileOrTheDevice) {
  const test::FakeTree tree;
  const ResetMethods methods = ReadResetMethods(tree, {0, 8, 0, 0});
  EXPECT_THAT(methods.names, IsEmpty());
  EXPECT_FALSE(methods.function_level());
  EXPECT_THAT(Read("\n").names, IsEmpty());
}

TEST(ReadResetMethods, KeepsTheKernelsOrder) {
  EXPECT_THAT(Read("flr bus\n").names, ElementsAre("flr", "bus"));
}

TEST(ResetMethods, KnowsWhichResetOneFunction) {
  EXPECT_TRUE(Read("flr\n").function_level());
  EXPECT_TRUE(Read("af_flr bus\n").function_level());
  EXPECT_TRUE(Read("device_specific\n").function_level());
  EXPECT_FALSE(Read("pm bus\n").function_level());
}

}  // namespace
}  // namespace vfio
