#include "cli/automation/persist.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/matchers.h"
#include "tests/support/recorded_host.h"

namespace {

using cli::EntryFor;
using cli::IdPair;
using cli::PersistPath;
using cli::PersistText;
using testing::HasSubstr;

sysfs::Identity Drive() {
  sysfs::Identity drive;
  drive.path = "0000:00/16.0/00.0";
  drive.vendor = 0x1b36;
  drive.device = 0x0010;
  drive.subsystem_vendor = 0x1af4;
  drive.subsystem_device = 0x1100;
  return drive;
}

TEST(EntryFor, NamesTheCardAndNotItsAddress) {
  sysfs::Identity drive = Drive();
  drive.serial = "S1";
  drive.dsn = "00-11-22-ff-ff-33-44-55";
  drive.mac = "52:54:00:00:03:00";
  const cli::Entry entry = EntryFor(drive, "vfio-pci");
  EXPECT_FALSE(entry.match.address);
  EXPECT_EQ(entry.match.path, "0000:00/16.0/00.0");
  EXPECT_EQ(entry.match.id, (IdPair{0x1b36, 0x0010}));
  EXPECT_EQ(entry.match.subsystem, (IdPair{0x1af4, 0x1100}));
  EXPECT_EQ(entry.match.serial, "S1");
  EXPECT_EQ(entry.match.mac, "52:54:00:00:03:00");
  drive.serial = {};
  EXPECT_EQ(EntryFor(drive, "vfio-pci").match.serial, "00-11-22-ff-ff-33-44-55");
}

TEST(PersistText, IsReadBackAsTheSameEntry) {
  cli::Entry entry = EntryFor(Drive(), "vfio-pci");
  const std::string path = PersistPath(entry);
  EXPECT_EQ(path, "/etc/vassign/conf.d/50-0000-00-16.0-00.0.toml");
  const auto config = cli::ParseConfig(PersistText(entry), path);
  ASSERT_THAT(config, test::IsOk());
  ASSERT_EQ(config->size(), 1u);
  EXPECT_EQ(config->front().name, entry.name);
  EXPECT_EQ(config->front().match, entry.match);
  EXPECT_EQ(config->front().driver, "vfio-pci");
}

TEST(PersistText, WithWhatTheRequestNamed) {
  cli::Entry entry = EntryFor(Drive(), "pci-stub");
  entry.group = true;
  entry.force = {sysfs::ForceReason::kNoReset};
  const auto config = cli::ParseConfig(PersistText(entry), "file");
  ASSERT_THAT(config, test::IsOk());
  EXPECT_TRUE(config->front().group);
  EXPECT_EQ(config->front().force, entry.force);
  EXPECT_EQ(config->front().driver, "pci-stub");
}

TEST(DecidePersist, ASecondBindKeepsWhatOnlyTheFirstCouldRead) {
  sysfs::Identity drive = Drive();
  drive.serial = "S1";
  const cli::PersistPlan first =
      cli::DecidePersist({EntryFor(drive, "vfio-pci"), drive}, std::nullopt, std::nullopt);
  EXPECT_TRUE(first.changed);
  EXPECT_EQ(first.pin, drive);
  std::string present = PersistText(first.entry);
  present.pop_back();

  const cli::Persisted again = {EntryFor(Drive(), "vfio-pci"), Drive()};
  const cli::PersistPlan second = cli::DecidePersist(again, present, drive);
  EXPECT_FALSE(second.changed);
  EXPECT_EQ(second.entry.match.serial, "S1");
  EXPECT_EQ(second.pin.serial, "S1");

  const cli::PersistPlan other =
      cli::DecidePersist({EntryFor(Drive(), "pci-stub"), Drive()}, present, drive);
  EXPECT_TRUE(other.changed);
  EXPECT_EQ(other.entry.match.serial, "S1");
}

TEST(DecidePersist, AnotherCardTakesNothingFromTheFile) {
  sysfs::Identity drive = Drive();
  drive.serial = "S1";
  const std::string present = PersistText(EntryFor(drive, "vfio-pci"));
  sysfs::Identity other = Drive();
  other.device = 0x0011;
  const cli::PersistPlan plan =
      cli::DecidePersist({EntryFor(other, "vfio-pci"), other}, present, drive);
  EXPECT_TRUE(plan.changed);
  EXPECT_EQ(plan.entry.match.serial, std::nullopt);
  EXPECT_EQ(plan.pin, other);
}

class PlanPersist : public testing::Test {
 protected:
  PlanPersist() : tree_(test::LoadHost("host.txt").release()), context_(Own(tree_), out_, err_) {}
  static std::unique_ptr<sysfs::Tree> Own(test::FakeTree* tree) {
    return std::unique_ptr<sysfs::Tree>(tree);
  }

  base::Result<std::vector<cli::PersistPlan>> Plan(const char* address) {
    sysfs::BindRequest request;
    request.devices = {*sysfs::PciAddress::Parse(address)};
    request.force = {sysfs::ForceReason::kNoReset};
    return cli::PlanPersist(context_, request, true);
  }

  std::ostringstream out_, err_;
  test::FakeTree* tree_;
  cli::Context context_;
};

TEST_F(PlanPersist, VirtualFunctionIsItsPhysicalOnesMatter) {
  EXPECT_THAT(Plan("03:10.0"), test::FailsWith(base::Code::kUsage, HasSubstr("0000:03:10.0")));
}

TEST_F(PlanPersist, FileOfSomebodyElseIsNotReplaced) {
  tree_->AddFile("/etc/vassign/conf.d/50-0000-00-01.0-00.0.toml", "# mine\n");
  EXPECT_THAT(Plan("03:00.0"), test::FailsWith(base::Code::kUsage, HasSubstr("50-0000-00-01.0")));
}

TEST_F(PlanPersist, KnowsTheCardByItsPlaceAndIds) {
  const auto plan = Plan("03:00.0");
  ASSERT_THAT(plan, test::IsOk());
  ASSERT_EQ(plan->size(), 1u);
  EXPECT_EQ(plan->front().entry.match.path, "0000:00/01.0/00.0");
  EXPECT_TRUE(plan->front().entry.match.id);
  EXPECT_TRUE(plan->front().entry.match.subsystem);
  EXPECT_TRUE(plan->front().entry.group);
  EXPECT_EQ(plan->front().entry.force.size(), 1u);
  EXPECT_TRUE(tree_->writes().empty());
}

TEST_F(PlanPersist, WhatIsNotThereOrNotOursIsNotForgotten) {
  const std::vector<sysfs::PciAddress> card = {*sysfs::PciAddress::Parse("03:00.0")};
  EXPECT_THAT(cli::ForgetPersisted(context_, card),
              test::FailsWith(base::Code::kNotFound, HasSubstr("50-0000-00-01.0")));
  tree_->AddFile("/etc/vassign/conf.d/50-0000-00-01.0-00.0.toml", "# mine\n");
  EXPECT_THAT(cli::ForgetPersisted(context_, card),
              test::FailsWith(base::Code::kUsage, HasSubstr("50-0000-00-01.0")));
}

}  // namespace
