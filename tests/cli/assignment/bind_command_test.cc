#include "cli/assignment/bind_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "cli/config/pin.h"
#include "tests/support/assignment_world.h"

namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class BindCommand : public testing::Test {
 protected:
  test::AssignmentWorld world_;
};

TEST_F(BindCommand, WrongLinesChangeNothing) {
  const std::vector<std::pair<std::vector<std::string>, int>> lines = {
      {{"bind"}, 2},
      {{"bind", "zz:00.0"}, 2},
      {{"bind", "07:00.0"}, 3},
      {{"bind", "08:00.0", "0000:08:00.0"}, 2},
      {{"bind", "08:00.0", "--driver", "a/b"}, 2},
      {{"bind", "08:00.0", "--driver"}, 2},
      {{"bind", "08:00.0", "--timeout", "0"}, 2},
      {{"bind", "08:00.0", "--sysroot", "/tmp"}, 2},
      {{"bind", "08:00.0", "--force=everything"}, 2},
      {{"bind", "09:00.0"}, 5},
  };
  for (const auto& [words, status] : lines) {
    EXPECT_EQ(world_.Run(words), status) << words.back();
    EXPECT_THAT(world_.err(), HasSubstr("vassign:")) << words.back();
    EXPECT_THAT(world_.out(), IsEmpty()) << words.back();
  }
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(BindCommand, BareForceIsRefusedWithTheList) {
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--force"}), 2);
  EXPECT_THAT(world_.err(), HasSubstr("mounted, netdev, ssh, console, group"));
  EXPECT_EQ(world_.Run({"bind", "--force", "08:00.0"}), 2);
  EXPECT_THAT(world_.err(), HasSubstr("mounted, netdev, ssh, console, group"));
  EXPECT_EQ(world_.Run({"bind", "--force=", "08:00.0"}), 2);
}

TEST_F(BindCommand, NeedsRoot) {
  constexpr uid_t kNobody = 65534;
  world_.context().assignment_host = nullptr;
  const uid_t own = ::geteuid();
  if (own == 0) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const int status = world_.Run({"bind", "08:00.0"});
  if (own == 0) {
    ASSERT_EQ(::seteuid(own), 0);
  }
  EXPECT_EQ(status, 6);
  EXPECT_THAT(world_.err(), HasSubstr("sudo vassign bind"));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(BindCommand, LastLineTellsTheEndState) {
  EXPECT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  EXPECT_EQ(world_.out(), "0000:08:00.0 nvme -> vfio-pci, group 14, /dev/vfio/14\n");
  EXPECT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  EXPECT_EQ(world_.out(), "0000:08:00.0 vfio-pci, group 14, /dev/vfio/14: nothing to do\n");
}

TEST_F(BindCommand, RefusalTellsTheChainAsTextAndAsJson) {
  world_.tree().AddFile("/etc/driverctl.d/pci-0000:08:00.0", "vfio-pci\n");
  EXPECT_EQ(world_.Run({"bind", "08:00.0"}), 4);
  EXPECT_THAT(world_.err(), AllOf(HasSubstr("\n  0000:08:00.0 -> driverctl\n"),
                                  HasSubstr("--force=foreign"), HasSubstr("better: driverctl")));
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--json"}), 4);
  const auto error = nlohmann::json::parse(world_.out())["error"];
  ASSERT_EQ(error["in_use"].size(), 1u);
  EXPECT_EQ(error["in_use"][0]["kind"], "foreign");
  EXPECT_EQ(error["in_use"][0]["reason"], "foreign");
  EXPECT_EQ(error["in_use"][0]["path"], nlohmann::json({"0000:08:00.0", "driverctl"}));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(BindCommand, WhatIsOverriddenIsStillSaid) {
  world_.tree().AddFile("/etc/driverctl.d/pci-0000:08:00.0", "vfio-pci\n");
  const std::string note = "in spite of: 0000:08:00.0 -> driverctl";
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--force=foreign", "--dry-run"}), 0);
  EXPECT_THAT(world_.err(), HasSubstr("note: 0000:08:00.0: " + note));
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--force=foreign", "--dry-run", "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(world_.out())["plans"][0]["notes"]["0000:08:00.0"], note);
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--force=foreign"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("(" + note + ")"));
}

TEST_F(BindCommand, DryRunPrintsTheWritesAndMakesNone) {
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--dry-run"}), 0);
  EXPECT_EQ(world_.out(),
            "echo vfio-pci > /sys/bus/pci/devices/0000:08:00.0/driver_override"
            "  # let only vfio-pci bind to 0000:08:00.0\n"
            "echo 0000:08:00.0 > /sys/bus/pci/drivers/nvme/unbind  # take 0000:08:00.0 from nvme\n"
            "echo 0000:08:00.0 > /sys/bus/pci/drivers/vfio-pci/bind"
            "  # give 0000:08:00.0 to vfio-pci\n");
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(BindCommand, DryRunNamesTheModuleAndTheRefusals) {
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--dry-run", "--driver", "uio_pci_generic"}), 0);
  EXPECT_THAT(world_.out(), testing::StartsWith("modprobe uio_pci_generic\n"));
  EXPECT_EQ(world_.Run({"bind", "09:00.0", "--dry-run"}), 5);
}

TEST_F(BindCommand, DryRunShowsTheFilesOfPersist) {
  world_.tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/serial", "S1\n");
  const test::TempFolder pins;
  world_.context().pins = std::make_shared<Pins>(pins.path());
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--persist", "--dry-run"}), 0);
  const std::string steps = world_.out();
  EXPECT_THAT(steps,
              AllOf(HasSubstr("/bind  # give 0000:08:00.0 to vfio-pci\ncat > " + pins.path()),
                    HasSubstr("\nEOF\ncat > /etc/vassign/conf.d/50-"),
                    HasSubstr(".toml <<'EOF'\n# Written by vassign bind --persist"),
                    HasSubstr("serial = \"S1\""), testing::EndsWith("\nEOF\n")));
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--persist", "--dry-run", "--json"}), 0);
  const auto plan = nlohmann::json::parse(world_.out(), nullptr, false);
  ASSERT_EQ(plan["files"].size(), 2u);
  const std::string path = plan["files"][1]["path"];
  const std::string content = plan["files"][1]["content"];
  EXPECT_EQ(plan["files"][1]["changed"], true);
  EXPECT_THAT(steps, HasSubstr(content));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
  EXPECT_TRUE(Pins(pins.path()).Read()->empty());

  world_.tree().AddFile(path, content);
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--persist", "--dry-run"}), 0);
  EXPECT_THAT(world_.out(), testing::EndsWith(path + " is there already\n"));
}

TEST_F(BindCommand, DryRunOfWhatIsSoAlready) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--dry-run"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("nothing to do"));
}

TEST_F(BindCommand, GroupIsNamedAndThenBoundWhole) {
  EXPECT_EQ(world_.Run({"bind", "09:00.0"}), 5);
  EXPECT_THAT(world_.err(), HasSubstr("vassign bind 0000:09:00.0 0000:09:00.1"));
  EXPECT_EQ(world_.Run({"bind", "group:15"}), 0);
  EXPECT_THAT(world_.out(), AllOf(HasSubstr("0000:09:00.0 igb -> vfio-pci"),
                                  HasSubstr("0000:09:00.1 igb -> vfio-pci")));
}

TEST_F(BindCommand, RefusedUseTellsRiskFlagAndCure) {
  world_.tree().AddFile("/etc/driverctl.d/pci-0000:08:00.0", "x");
  EXPECT_EQ(world_.Run({"bind", "08:00.0"}), 4);
  EXPECT_THAT(world_.err(), AllOf(HasSubstr("driverctl"), HasSubstr("risk:"),
                                  HasSubstr("--force=foreign"), HasSubstr("unset-override")));
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--force=netdev,foreign"}), 0);
}

TEST_F(BindCommand, FailureEndsWithTheDevicesState) {
  world_.tree().FailProbe("vfio-pci", EINVAL);
  EXPECT_EQ(world_.Run({"bind", "08:00.0"}), 7);
  EXPECT_THAT(world_.err(), AllOf(HasSubstr("the former state was put back"),
                                  HasSubstr("\n  now: 0000:08:00.0 nvme\n")));
}

TEST_F(BindCommand, JsonIsOneValue) {
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--json", "--dry-run"}), 0);
  const auto plan = nlohmann::json::parse(world_.out(), nullptr, false);
  ASSERT_TRUE(plan.is_object());
  EXPECT_EQ(plan["plans"][0]["writes"].size(), 3u);
  EXPECT_EQ(world_.Run({"bind", "08:00.0", "--json"}), 0);
  const auto result = nlohmann::json::parse(world_.out(), nullptr, false);
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["schema"], "vassign.bind/1");
  EXPECT_EQ(result["devices"][0]["driver_before"], "nvme");
  EXPECT_EQ(result["devices"][0]["driver"], "vfio-pci");
  EXPECT_EQ(result["devices"][0]["iommu_group"]["id"], 14);
  EXPECT_EQ(world_.Run({"bind", "09:00.0", "--json"}), 5);
  EXPECT_EQ(nlohmann::json::parse(world_.out(), nullptr, false)["error"]["code"], "unfit");
}

}  // namespace
}  // namespace cli
