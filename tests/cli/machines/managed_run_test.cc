#include "cli/machines/managed_run.h"

#include <gmock/gmock.h>

#include "cli/vmm.h"
#include "sysfs/assignment/session.h"
#include "tests/support/assignment_world.h"
#include "tests/support/matchers.h"

namespace cli {
namespace {

using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// No machine starts here: the kernel file is missing, or there is no KVM.
class ManagedRun : public testing::Test {
 protected:
  int Run(std::vector<std::string> words) {
    words.insert(words.begin(), {"vmm", "run", "--kernel", "/nonexistent"});
    std::vector<const char*> arguments;
    for (const std::string& word : words) arguments.push_back(word.c_str());
    return RunVmm(static_cast<int>(arguments.size()), arguments.data(), world_.context());
  }
  std::optional<std::string> Driver() { return world_.tree().DriverOf("0000:08:00.0"); }
  test::AssignmentWorld world_;
};

TEST_F(ManagedRun, AStartThatFailsTouchesNothing) {
  EXPECT_NE(Run({"--managed", "--assign", "08:00.0"}), 0);
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), IsEmpty());
}

TEST_F(ManagedRun, RefusesAsBindDoes) {
  EXPECT_EQ(Run({"--managed", "--assign", "09:00.0"}), 5);
  EXPECT_THAT(world_.err(), HasSubstr("0000:09:00.1"));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(ManagedRun, WithoutItADeviceOfTheHostIsRefused) {
  EXPECT_EQ(Run({"--assign", "08:00.0"}), 4);
  EXPECT_THAT(world_.err(), HasSubstr("vassign bind 0000:08:00.0"));
}

TEST_F(ManagedRun, ItsOptionsNeedIt) {
  EXPECT_EQ(Run({"--group", "--assign", "08:00.0"}), 2);
  EXPECT_EQ(Run({"--force=group", "--assign", "08:00.0"}), 2);
  EXPECT_EQ(Run({"--managed", "--force=nonsense", "--assign", "08:00.0"}), 2);
}

TEST_F(ManagedRun, WhatAKilledRunLeftComesBackFirst) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  { ASSERT_TRUE(sysfs::Session::Begin(world_.journal(), 4000000, {{0, 8, 0, 0}})); }
  EXPECT_NE(Run({"--managed", "--assign", "08:00.0"}), 0);
  EXPECT_THAT(world_.err(), HasSubstr("vmm: giving back what pid 4000000 left behind"));
  EXPECT_EQ(Driver(), "nvme");
}

TEST_F(ManagedRun, OnlyWhatIsTheHostsIsTaken) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  vmm::Options options;
  options.assign.push_back({{0, 8, 0, 0}, {}});
  options.assign.push_back({{0, 9, 0, 0}, {}});
  const auto request = ManagedRequest(world_.tree(), options, {});
  ASSERT_THAT(request, IsOk());
  EXPECT_THAT(request->bind.devices, ElementsAre(sysfs::PciAddress{0, 9, 0, 0}));
}

TEST_F(ManagedRun, ALoanComesBack) {
  sysfs::AssignmentHost host = world_.Host(world_.tree());
  LoanRequest request;
  request.bind.devices = {{0, 9, 0, 0}};
  request.group = true;
  auto loan = Loan::Take(world_.context(), "vmm", host, request);
  ASSERT_THAT(loan, IsOk());
  EXPECT_EQ(world_.tree().DriverOf("0000:09:00.1"), "vfio-pci");
  EXPECT_EQ(sysfs::ListSessions(world_.journal())->front().devices.size(), 2U);
  EXPECT_TRUE(*loan->GiveBack());
  EXPECT_EQ(world_.tree().DriverOf("0000:09:00.1"), "igb");
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), IsEmpty());
}

}  // namespace
}  // namespace cli
