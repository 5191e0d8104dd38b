#include "sysfs/assignment/host_lock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace sysfs {
namespace {

using base::Code;
using std::chrono::milliseconds;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

TEST(HostLock, NeedsItsFolder) {
  EXPECT_THAT(TakeHostLock("/nonexistent/folder", milliseconds(0)), FailsWith(Code::kNotFound));
}

TEST(HostLock, SecondRunIsToldWhoHoldsIt) {
  const test::TempFolder folder;
  const auto first = TakeHostLock(folder.path(), milliseconds(0));
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(TakeHostLock(folder.path(), milliseconds(0)),
              FailsWith(Code::kLocked, HasSubstr("pid " + std::to_string(::getpid()))));
}

TEST(HostLock, IsFreeWhenItsOwnerEnds) {
  const test::TempFolder folder;
  { ASSERT_THAT(TakeHostLock(folder.path(), milliseconds(0)), IsOk()); }
  EXPECT_THAT(TakeHostLock(folder.path(), milliseconds(0)), IsOk());
}

TEST(HostLock, WaitsForAnOwnerThatEndsInTime) {
  const test::TempFolder folder;
  auto first = TakeHostLock(folder.path(), milliseconds(0));
  ASSERT_THAT(first, IsOk());
  base::Result<FileLock> second = base::Fail(Code::kInternal, "did not run");
  std::thread waiter([&] { second = TakeHostLock(folder.path(), std::chrono::seconds(60)); });
  { const FileLock gone = std::move(*first); }
  waiter.join();
  EXPECT_THAT(second, IsOk());
}

}  // namespace
}  // namespace sysfs
