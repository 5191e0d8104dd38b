#include "sysfs/base/result.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <memory>

#include "tests/support/matchers.h"

namespace base {
namespace {

using test::FailsWith;
using test::IsOkAnd;
using testing::StartsWith;

Result<std::unique_ptr<int>> Make(int value) {
  if (value < 0) return Fail(Code::kUsage, "negative", "give a positive one");
  return std::make_unique<int>(value);
}

Result<int> Twice(int value) {
  const std::unique_ptr<int> made = TRY(Make(value));
  return 2 * *made;
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): loses the pointer inside of tl::expected

Status Check(int value) {
  TRY(Twice(value));
  return {};
}

TEST(Try, YieldsAMoveOnlyValue) { EXPECT_THAT(Twice(4), IsOkAnd(8)); }

TEST(Try, ReturnsTheFailureUnchanged) {
  const Status status = Check(-1);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message(), "negative");
  EXPECT_EQ(status.error().hint(), "give a positive one");
}

TEST(FailErrno, KeepsErrnoAndMapsItToACode) {
  const Status denied = FailErrno("/dev/kvm", EACCES);
  EXPECT_THAT(denied, FailsWith(Code::kDenied, StartsWith("/dev/kvm: ")));
  EXPECT_EQ(denied.error().err(), EACCES);
  EXPECT_THAT(Status(FailErrno("x", ENODEV)), FailsWith(Code::kNotFound));
  EXPECT_THAT(Status(FailErrno("x", EBUSY)), FailsWith(Code::kKernel));
}

TEST(Error, UsesStayWithTheErrorThatIsPassedOn) {
  const Use use = {"mount", "sda is mounted", {"0000:08:00.0", "sda"}, "mounted", "", ""};
  const Error error = Error(Code::kInUse, "in use").WithUses({use}).With("outer").WithHint("wait");
  ASSERT_EQ(error.uses().size(), 1u);
  EXPECT_EQ(error.uses().front(), use);
  EXPECT_TRUE(Error(Code::kInUse, "x").uses().empty());
}

TEST(Error, WithPutsTheOuterObjectInFront) {
  EXPECT_EQ(Error(Code::kKernel, "busy").With("group 14").message(), "group 14: busy");
}

}  // namespace
}  // namespace base
