#include "cli/declared/apply.h"

#include <gmock/gmock.h>

#include "cli/declared/guard.h"
#include "cli/declared/undo.h"
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

TEST_F(ApplyTest, BothEntriesAreMadeSoOnce) {
  const auto first = Run(kBoth);
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE(first->changed);
  EXPECT_EQ(world_->tree().DriverOf("0000:08:00.0"), "vfio-pci");
  EXPECT_EQ(world_->tree().DriverOf("0000:03:10.1"), "vfio-pci");
  EXPECT_EQ(world_->attributes()[1].mac->ToString(), "02:00:00:00:00:01");
  EXPECT_EQ(world_->attributes()[1].vlan->id, 7);
  EXPECT_FALSE(HasTransaction());

  world_->ForgetSteps();
  world_->tree().ForgetWrites();
  const auto second = Run(kBoth);
  ASSERT_THAT(second, IsOk());
  EXPECT_FALSE(second->changed);
  EXPECT_EQ(world_->steps(), 0u);
  EXPECT_THAT(world_->tree().writes(), IsEmpty());
}

TEST_F(ApplyTest, AttributesAreThereBeforeADriverBinds) {
  std::optional<std::string> mac_at_bind;
  world_->tree().OnWrite([&](const std::string& path, const std::string& value) {
    if (path.ends_with("/vfio-pci/bind") && value == "0000:03:10.1")
      mac_at_bind = world_->attributes()[1].mac->ToString();
  });
  ASSERT_THAT(Run(kBoth), IsOk());
  EXPECT_EQ(mac_at_bind, "02:00:00:00:00:01");
}

TEST_F(ApplyTest, ADriftedAttributeIsSetAgain) {
  ASSERT_THAT(Run(kBoth), IsOk());
  world_->attributes()[1].vlan = sriov::Vlan{9};
  const auto plan = Plan(kBoth);
  ASSERT_THAT(plan, IsOk());
  EXPECT_TRUE(plan->entries[0].empty());
  EXPECT_THAT(plan->entries[1].differences, testing::ElementsAre("function 1: vlan 7 qos 0"));
  ASSERT_THAT(Run(kBoth), IsOk());
  EXPECT_EQ(world_->attributes()[1].vlan->id, 7);
}

TEST_F(ApplyTest, CardsArePinnedAndKnownAgainWithoutTheirDriver) {
  ASSERT_THAT(Run(kBoth), IsOk());
  const auto pins = Pins(pins_->path()).Read();
  EXPECT_EQ(pins->at("drive").serial, "S1");
  EXPECT_EQ(pins->at("nic").mac, "52:54:00:00:00:03");
  world_->tree().Remove("/sys/bus/pci/devices/0000:08:00.0/nvme");
  EXPECT_THAT(Run(kBoth), IsOk());
}

TEST_F(ApplyTest, EveryRefusalComesBeforeTheFirstChange) {
  world_->tree().AddLink("/sys/class/block/nvme1n1",
                         "/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/nvme1n1");
  const std::string before = world_->Digest();
  world_->ForgetSteps();
  const std::string wrong = std::string(kBoth) +
                            "[[device]]\nname = \"c\"\nmatch = { serial = \"S9\" }\n" +
                            "driver = \"vfio-pci\"\n";
  EXPECT_THAT(Run(wrong), FailsWith(Code::kNotFound, HasSubstr("f.toml:16: c:")));
  const std::string many =
      "[[device]]\nname = \"n\"\nmatch = { mac = \"52:54:00:00:00:03\" }\n[device.sriov]\ncount = "
      "9\n";
  EXPECT_THAT(Run(many), FailsWith(Code::kUsage, HasSubstr("more than it can have")));
  const std::string twice = std::string(kBoth) +
                            "[[device]]\nname = \"c\"\nmatch = { serial = \"S1\" }\n" +
                            "driver = \"vfio-pci\"\n";
  EXPECT_THAT(Run(twice), FailsWith(Code::kUsage, HasSubstr("drive and c are both")));
  EXPECT_EQ(world_->steps(), 0u);
  EXPECT_EQ(world_->Digest(), before);
}

TEST_F(ApplyTest, AFailureAtAnyStepUndoesAll) {
  const std::string before = world_->Digest();
  world_->ForgetSteps();
  ASSERT_THAT(Run(kBoth), IsOk());
  const size_t steps = world_->steps();
  ASSERT_GT(steps, 5u);
  for (size_t step = 1; step <= steps; ++step) {
    SCOPED_TRACE(step);
    Reset();
    world_->ForgetSteps();
    world_->FailStep(step);
    const auto failed = Run(kBoth);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message(), HasSubstr("all that was done before is undone"));
    EXPECT_EQ(world_->Digest(), before);
    EXPECT_FALSE(HasTransaction());
  }
}

TEST_F(ApplyTest, AKilledRunIsUndoneByTheNextWhereverItWasKilled) {
  world_->ForgetSteps();
  ASSERT_THAT(Run(kBoth), IsOk());
  const size_t steps = world_->steps();
  Reset();
  const std::string before = world_->Digest();
  for (size_t step = 1; step <= steps; ++step) {
    SCOPED_TRACE(step);
    Reset();
    world_->ForgetSteps();
    world_->KillAt(step);
    EXPECT_THROW((void)Run(kBoth), test::SriovWorld::Killed);
    world_->ForgetSteps();
    ASSERT_TRUE(HasTransaction());
    // A file that wants nothing: what is left is undone, and no more.
    const auto next = Run("");
    ASSERT_THAT(next, IsOk());
    EXPECT_THAT(next->notes, testing::ElementsAre(HasSubstr("undone first")));
    EXPECT_EQ(world_->Digest(), before);
    EXPECT_FALSE(HasTransaction());
  }
}

TEST_F(ApplyTest, UndoingGoesBackToBeforeThisApplyNotToTheFirstTouch) {
  ASSERT_THAT(Run("[[device]]\nname = \"nic\"\nmatch = { mac = \"52:54:00:00:00:03\" }\n"
                  "[device.sriov]\ncount = 3\ndriver = \"vfio-pci\"\n"),
              IsOk());
  const std::string before = world_->Digest();
  ASSERT_THAT(Run(kBoth, Confirmed(60)), IsOk());
  EXPECT_NE(world_->Digest(), before);
  ASSERT_THAT(WithHost([](DeclaredHost& host) -> base::Status {
                const auto lock = sysfs::TakeHostLock(host.assignment().journal.folder(), {});
                return Undo(host, **FindTransaction(host.assignment().journal), *lock, "undone");
              }),
              IsOk());
  EXPECT_EQ(world_->Digest(), before);
}

TEST_F(ApplyTest, ACardThatWasChangedMeanwhileIsLeftAlone) {
  ASSERT_THAT(Run(kBoth, Confirmed(60)), IsOk());
  world_->tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/device", "0x1234\n");
  world_->tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/uevent",
                         "PCI_CLASS=10802\nPCI_ID=144D:1234\nPCI_SLOT_NAME=0000:08:00.0\n");
  world_->tree().ForgetWrites();
  EXPECT_THAT(WithHost([](DeclaredHost& host) -> base::Status {
                const auto lock = sysfs::TakeHostLock(host.assignment().journal.folder(), {});
                return Undo(host, **FindTransaction(host.assignment().journal), *lock, "undone");
              }),
              IsOk());
  for (const auto& write : world_->tree().writes())
    EXPECT_EQ(write.path.find("08:00.0"), std::string::npos) << write.path;
  EXPECT_FALSE(HasTransaction());
}

TEST_F(ApplyTest, AccessIsUndoneToo) {
  const std::string text =
      "[[device]]\nname = \"drive\"\nmatch = { serial = \"S1\" }\ndriver = \"vfio-pci\"\n";
  ASSERT_THAT(Run(text), IsOk());
  ASSERT_THAT(Run(text + "access = { mode = \"0666\" }\n", Confirmed(1)), IsOk());
  EXPECT_EQ(states_["/dev/vfio/8"].mode, 0666u);
  ASSERT_THAT(WithHost(Guard), IsOk());
  EXPECT_EQ(states_["/dev/vfio/8"].mode, 0600u);
}

TEST_F(ApplyTest, PinsThatCannotBeStoredUndoTheRest) {
  const std::string before = world_->Digest();
  // Nobody makes a folder there.
  const std::string path = "/proc/vassign-test";
  auto assignment = world_->Assignment();
  auto sriov = world_->Host(assignment);
  DeclaredHost host = {sriov, Pins(path + "/pins"), nodes_};
  EXPECT_THAT(Apply(host, *ParseConfig(kBoth, "f.toml"), {}),
              FailsWith(Code::kNotFound, HasSubstr("all that was done before is undone")));
  EXPECT_EQ(world_->Digest(), before);
}

TEST_F(ApplyTest, WithoutAGuardNothingBegins) {
  const std::string before = world_->Digest();
  ApplyRequest request = Confirmed(60);
  request.start_guard = []() -> base::Status {
    return base::Fail(Code::kInternal, "the guard could not be started");
  };
  world_->ForgetSteps();
  EXPECT_THAT(Run(kBoth, request), FailsWith(Code::kInternal, HasSubstr("nothing was changed")));
  EXPECT_EQ(world_->steps(), 0u);
  EXPECT_EQ(world_->Digest(), before);
}

TEST_F(ApplyTest, NothingToDoNeedsNoConfirmation) {
  ASSERT_THAT(Run(kBoth), IsOk());
  const auto outcome = Run(kBoth, Confirmed(60));
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->deadline, 0u);
  EXPECT_FALSE(guarded_);
}

TEST_F(ApplyTest, AccessIsGivenToTheNodesAlone) {
  const std::string text =
      "[[device]]\nname = \"drive\"\nmatch = { serial = \"S1\" }\ndriver = \"vfio-pci\"\n"
      "access = { group = \"root\", mode = \"0660\" }\n";
  ASSERT_THAT(Run(text), IsOk());
  EXPECT_EQ(states_.size(), 1u);
  EXPECT_EQ(states_["/dev/vfio/8"], (NodeState{0, 0, 0660}));
  const auto second = Run(text);
  ASSERT_THAT(second, IsOk());
  EXPECT_FALSE(second->changed);
  EXPECT_THAT(Run("[[device]]\nname = \"drive\"\nmatch = { serial = \"S1\" }\n"
                  "driver = \"vfio-pci\"\naccess = { group = \"nosuch\" }\n"),
              FailsWith(Code::kUsage, HasSubstr("no group nosuch")));
}

TEST_F(ApplyTest, OneDeviceAlone) {
  ApplyRequest request;
  request.selection.only = kSriovDrive;
  ASSERT_THAT(Run(std::string(kBoth) + "[[device]]\nname = \"c\"\nmatch = { serial = \"S9\" }\n"
                                       "driver = \"vfio-pci\"\n",
                  request),
              IsOk());
  EXPECT_EQ(world_->tree().DriverOf("0000:08:00.0"), "vfio-pci");
  EXPECT_FALSE(world_->tree().Exists("/sys/bus/pci/devices/0000:03:10.0"));
}

TEST_F(ApplyTest, OneDeviceThatIsNotTheCardItWasIsNoSuccess) {
  ASSERT_THAT(Run(kBoth), IsOk());
  ASSERT_THAT(
      WithHost([](DeclaredHost& host) { return sysfs::Restore(host.assignment(), kSriovDrive); }),
      IsOk());
  world_->tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/serial", "S2\n");
  ApplyRequest request;
  request.selection.only = kSriovDrive;
  EXPECT_THAT(Run(kBoth, request), FailsWith(Code::kNotFound, HasSubstr("drive")));
}

}  // namespace
}  // namespace cli
