#include "sysfs/base/library.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace base {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

TEST(LazyLibrary, IsLoadedWhenItIsAskedFor) {
  LazyLibrary library("libm.so.6", "libc6");
  ASSERT_THAT(library.Load(), IsOk());
  auto* const root = library.Find<double(double)>("sqrt");
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(root(4), 2);
  EXPECT_EQ(library.Find<void()>("no_such_function"), nullptr);
}

TEST(LazyLibrary, OneThatIsNotThereIsNamedWithItsPackage) {
  LazyLibrary library("libnone.so.0", "libnone0");
  const Status status = library.Load();
  ASSERT_THAT(status, FailsWith(Code::kUnfit, HasSubstr("libnone.so.0: cannot open")));
  EXPECT_EQ(status.error().hint(), "install the package libnone0");
  EXPECT_EQ(library.Find<void()>("function"), nullptr);
}

// In a process of its own: this is for good.
TEST(LazyLibraryDeathTest, AConfinedProcessKeepsWhatItHasAndLoadsNoMore) {
  const auto run = [] {
    LazyLibrary early("libm.so.6", "libc6");
    LazyLibrary late("libkmod.so.2", "libkmod2");
    const bool before = early.Load().has_value();
    LazyLibrary::StopLoading();
    const Status status = late.Load();
    const bool is_told = !status && status.error().message().find("confined") != std::string::npos;
    std::_Exit(before && early.Load() && is_told ? 0 : 1);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace base
