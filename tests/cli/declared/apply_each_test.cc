#include <gmock/gmock.h>

#include "cli/declared/apply.h"
#include "tests/cli/declared/apply_fixture.h"
#include "tests/support/matchers.h"

namespace cli {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::kCard;
using test::kSriovDrive;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// What a killed apply left, with a record that nobody can read.
TEST_F(ApplyTest, AtBootWhatCannotBeUndoneDoesNotStopTheOthers) {
  const auto config = ParseConfig(std::string(kBoth), "f.toml");
  ASSERT_THAT(config, IsOk());
  Transaction former;
  former.boot_id = world_->journal().boot_id();
  former.pid = 77;
  former.touched = {{kSriovDrive, "no record", {}, {}, {}}};
  ASSERT_THAT(StoreTransaction(world_->journal(), former), IsOk());
  EXPECT_THAT(Run(kBoth), FailsWith(Code::kPartial)) << "without --boot it waits";
  ASSERT_TRUE(HasTransaction());
  const auto all = WithHost([&](DeclaredHost& host) { return ApplyEach(host, *config, {}); });
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(all->errors, IsEmpty());
  EXPECT_THAT(all->notes,
              testing::ElementsAre(AllOf(HasSubstr("left behind by the apply of pid 77"),
                                         HasSubstr("vassign restore"))));
  EXPECT_EQ(world_->tree().DriverOf("0000:08:00.0"), "vfio-pci");
  EXPECT_EQ(world_->tree().DriverOf("0000:03:10.1"), "vfio-pci");
  EXPECT_FALSE(HasTransaction());
}

// One with a guard has somebody who tries again.
TEST_F(ApplyTest, AtBootAnUndoWithAGuardIsWaitedFor) {
  const auto config = ParseConfig(std::string(kBoth), "f.toml");
  Transaction former;
  former.boot_id = world_->journal().boot_id();
  former.confirm = 60;
  former.touched = {{kSriovDrive, "no record", {}, {}, {}}};
  ASSERT_THAT(StoreTransaction(world_->journal(), former), IsOk());
  const auto all = WithHost([&](DeclaredHost& host) { return ApplyEach(host, *config, {}); });
  ASSERT_THAT(all, IsOk());
  EXPECT_EQ(all->errors.size(), 2u);
  EXPECT_TRUE(HasTransaction());
}

TEST_F(ApplyTest, AtBootOneFailureDoesNotStopTheOthers) {
  const auto config = ParseConfig(
      "[[device]]\nname = \"c\"\nmatch = { serial = \"S9\" }\n"
      "driver = \"vfio-pci\"\n" +
          std::string(kBoth),
      "f.toml");
  const auto all = WithHost([&](DeclaredHost& host) { return ApplyEach(host, *config, {}); });
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(Summary(*all), FailsWith(Code::kPartial, HasSubstr("1 of 3")));
  EXPECT_EQ(all->errors.size(), 1u);
  EXPECT_EQ(world_->tree().DriverOf("0000:08:00.0"), "vfio-pci");
  EXPECT_EQ(world_->tree().DriverOf("0000:03:10.1"), "vfio-pci");
}

TEST_F(ApplyTest, AtBootNoneOfTwoEntriesOfOneDeviceIsApplied) {
  const auto config = ParseConfig(std::string(kBoth) +
                                      "[[device]]\nname = \"c\"\nmatch = { serial = \"S1\" }\n"
                                      "driver = \"pci-stub\"\n",
                                  "f.toml");
  const auto all = WithHost([&](DeclaredHost& host) { return ApplyEach(host, *config, {}); });
  ASSERT_THAT(all, IsOk());
  ASSERT_EQ(all->errors.size(), 2u);
  for (const base::Error& error : all->errors)
    EXPECT_THAT(error.message(), HasSubstr("drive and c are both 0000:08:00.0"));
  EXPECT_EQ(world_->tree().DriverOf("0000:08:00.0"), "nvme");
  EXPECT_EQ(world_->tree().DriverOf("0000:03:10.1"), "vfio-pci");
}

TEST_F(ApplyTest, AtBootTheConflictOfAnotherDeviceDoesNotCount) {
  const auto config = ParseConfig(std::string(kBoth) +
                                      "[[device]]\nname = \"c\"\nmatch = { serial = \"S1\" }\n"
                                      "driver = \"pci-stub\"\n",
                                  "f.toml");
  ApplyRequest request;
  request.selection.only = kCard;
  const auto all = WithHost([&](DeclaredHost& host) { return ApplyEach(host, *config, request); });
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(all->errors, IsEmpty());
}

}  // namespace
}  // namespace cli
