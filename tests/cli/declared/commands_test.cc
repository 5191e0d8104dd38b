#include "cli/declared/commands.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "cli/config/pin.h"
#include "cli/declared/transaction.h"
#include "tests/cli/functions/run.h"

namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class DeclaredCommands : public testing::Test {
 protected:
  DeclaredCommands() {
    test::FakeTree& tree = vassign_.world().tree();
    tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/serial", "S1\n");
    tree.AddFile("/etc/vassign/vassign.toml",
                 "[[device]]\nname = \"drive\"\nmatch = { serial = \"S1\" }\n"
                 "driver = \"vfio-pci\"\n");
    vassign_.context().pins = std::make_shared<Pins>(pins_.path());
    vassign_.context().start_guard = [] { return base::Status(); };
  }
  nlohmann::json Out() const { return nlohmann::json::parse(vassign_.out(), nullptr, false); }

  test::SriovRun vassign_;
  test::TempFolder pins_;
};

TEST_F(DeclaredCommands, PlanShowsTheDifferenceAndTheSteps) {
  EXPECT_EQ(vassign_({"plan"}), 11);
  EXPECT_THAT(
      vassign_.out(),
      AllOf(StartsWith("drive (0000:08:00.0): driver nvme -> vfio-pci\n"),
            HasSubstr("  echo vfio-pci > /sys/bus/pci/devices/0000:08:00.0/driver_override")));
  EXPECT_EQ(vassign_.world().steps(), 0u);
  EXPECT_EQ(vassign_({"plan", "--json"}), 11);
  EXPECT_EQ(Out()["schema"], "vassign.plan/1");
  EXPECT_EQ(Out()["differs"], true);
  EXPECT_EQ(Out()["entries"][0]["bdf"], "0000:08:00.0");
}

TEST_F(DeclaredCommands, ApplyTellsTheEndState) {
  EXPECT_EQ(vassign_({"apply"}), 0);
  EXPECT_THAT(vassign_.out(), StartsWith("drive: 0000:08:00.0 nvme -> vfio-pci, group 8"));
  EXPECT_EQ(vassign_({"plan"}), 0);
  EXPECT_EQ(vassign_.out(), "drive (0000:08:00.0): as wanted\n");
  vassign_.world().tree().ForgetWrites();
  EXPECT_EQ(vassign_({"apply", "--json"}), 0);
  EXPECT_EQ(Out()["schema"], "vassign.apply/1");
  EXPECT_EQ(Out()["changed"], false);
  EXPECT_THAT(vassign_.world().tree().writes(), IsEmpty());
}

TEST_F(DeclaredCommands, WrongLinesChangeNothing) {
  const std::vector<std::pair<std::vector<const char*>, int>> lines = {
      {{"apply", "--confirm", "0"}, 2},
      {{"apply", "--confirm", "soon"}, 2},
      {{"apply", "--confirm", "5", "--boot"}, 2},
      {{"apply", "/nonexistent.toml"}, 3},
      {{"apply", "--device", "1f:00.0"}, 3},
      {{"plan", "a", "b"}, 2},
      {{"confirm"}, 3},
  };
  for (const auto& [words, status] : lines) EXPECT_EQ(vassign_(words), status) << vassign_.err();
  EXPECT_EQ(vassign_.world().steps(), 0u);
}

TEST_F(DeclaredCommands, WithoutAFileTheWayToOneIsTold) {
  vassign_.world().tree().Remove("/etc/vassign/vassign.toml");
  EXPECT_EQ(vassign_({"plan"}), 3);
  EXPECT_THAT(vassign_.err(),
              AllOf(HasSubstr("/etc/vassign/vassign.toml"), HasSubstr("--persist")));
}

TEST_F(DeclaredCommands, PlanTellsWhatNewFunctionsWillBe) {
  vassign_.world().tree().AddFile("/sys/bus/pci/devices/0000:03:00.0/net/eth3/address",
                                  "52:54:00:00:00:03\n");
  vassign_.world().tree().AddFile("/sys/bus/pci/devices/0000:03:00.0/net/eth3/addr_assign_type",
                                  "0\n");
  vassign_.world().tree().AddFile("/etc/vassign/vassign.toml",
                                  "[[device]]\nname = \"nic\"\nmatch = { mac = "
                                  "\"52:54:00:00:00:03\" }\n[device.sriov]\ncount = 2\n"
                                  "[[device.sriov.vf]]\nindex = 1\nvlan = 7\n");
  EXPECT_EQ(vassign_({"plan"}), 11);
  EXPECT_THAT(vassign_.out(), AllOf(StartsWith("nic (0000:03:00.0): virtual functions 0 -> 2\n"),
                                    HasSubstr("# then function 1: vlan 7 qos 0\n")));
}

TEST_F(DeclaredCommands, DryRunPrintsThePlan) {
  EXPECT_EQ(vassign_({"apply", "--dry-run", "--confirm", "5"}), 0);
  EXPECT_THAT(vassign_.out(), HasSubstr("driver nvme -> vfio-pci"));
  EXPECT_EQ(vassign_.world().steps(), 0u);
}

TEST_F(DeclaredCommands, AnUndoThatFailedEndsTheWaitAndNotTheGuard) {
  const sysfs::Journal journal = vassign_.world().journal();
  vassign_.context().start_guard = [&] {
    return StoreFailure(journal, ::getpid(), base::Error(base::Code::kInUse, "vmm has the drive"));
  };
  EXPECT_EQ(vassign_({"apply", "--confirm", "60"}), 10);
  EXPECT_THAT(vassign_.err(),
              AllOf(HasSubstr("the undo failed"), HasSubstr("tried again every 5 s"),
                    HasSubstr("vmm has the drive"), HasSubstr("cure: ")));
  EXPECT_EQ(vassign_({"status"}), 0);
  EXPECT_TRUE((*FindTransaction(journal)).has_value());
  ASSERT_TRUE(EndTransaction(journal, "undone"));
  EXPECT_EQ(LastFailure(journal, ::getpid()), "");
}

TEST_F(DeclaredCommands, AnUndoThatFailedIsAnErrorInTheOneDocument) {
  const sysfs::Journal journal = vassign_.world().journal();
  vassign_.context().start_guard = [&] {
    return StoreFailure(journal, ::getpid(), base::Error(base::Code::kInUse, "vmm has the drive"));
  };
  EXPECT_EQ(vassign_({"apply", "--confirm", "60", "--json"}), 10);
  EXPECT_EQ(Out()["outcome"], "not undone yet");
  ASSERT_EQ(Out()["errors"].size(), 1u);
  EXPECT_THAT(Out()["errors"][0], HasSubstr("vmm has the drive"));
}

TEST_F(DeclaredCommands, WhatNobodyConfirmedIsOneDocumentToo) {
  const sysfs::Journal journal = vassign_.world().journal();
  std::thread guard;
  vassign_.context().start_guard = [&]() -> base::Status {
    guard = std::thread([&] {
      while (true) {
        const auto found = FindTransaction(journal);
        if (found && *found && (*found)->phase == Phase::kWaiting) break;
        std::this_thread::yield();
      }
      EXPECT_TRUE(EndTransaction(journal, "undone: nobody confirmed"));
    });
    return {};
  };
  EXPECT_EQ(vassign_({"apply", "--confirm", "60", "--json"}), 8);
  guard.join();
  EXPECT_EQ(Out()["outcome"], "undone: nobody confirmed");
  EXPECT_EQ(Out()["errors"].size(), 1u);
}

TEST_F(DeclaredCommands, AtBootEachFailedEntryIsAnError) {
  vassign_.world().tree().AddFile("/etc/vassign/vassign.toml",
                                  "[[device]]\nname = \"c\"\nmatch = { serial = \"S9\" }\n"
                                  "driver = \"vfio-pci\"\n"
                                  "[[device]]\nname = \"drive\"\nmatch = { serial = \"S1\" }\n"
                                  "driver = \"vfio-pci\"\n");
  EXPECT_EQ(vassign_({"apply", "--boot", "--json"}), 10);
  EXPECT_EQ(Out()["schema"], "vassign.apply/1");
  ASSERT_EQ(Out()["errors"].size(), 1u);
  EXPECT_THAT(Out()["errors"][0], HasSubstr("vassign.toml:1: c: no device"));
  EXPECT_EQ(Out()["entries"][0]["name"], "drive");
  EXPECT_EQ(vassign_({"apply", "--boot"}), 10);
  EXPECT_THAT(vassign_.out(), StartsWith("drive: "));
  EXPECT_THAT(vassign_.err(), AllOf(HasSubstr("c: no device"), HasSubstr("1 of 2 entries")));
}

TEST_F(DeclaredCommands, AtBootTheOnlyErrorIsToldOnceWithItsOwnStatus) {
  vassign_.world().tree().AddFile("/etc/vassign/vassign.toml",
                                  "[[device]]\nname = \"c\"\nmatch = { serial = \"S9\" }\n"
                                  "driver = \"vfio-pci\"\n");
  EXPECT_EQ(vassign_({"apply", "--boot"}), 3);
  EXPECT_THAT(vassign_.err(), testing::ContainsRegex("^vassign: [^\n]*\n  cure: [^\n]*\n$"));
  EXPECT_EQ(vassign_({"apply", "--boot", "--json"}), 3);
  EXPECT_EQ(Out()["errors"].size(), 1u);
}

}  // namespace
}  // namespace cli
