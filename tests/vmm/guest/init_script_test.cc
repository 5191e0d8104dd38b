#include "vmm/guest/init_script.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/command.h"

namespace vmm::guest {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(InitScript, ReadsTheFilesThatTheArchiveHolds) {
  EXPECT_THAT(InitScript(), StartsWith("#!/bin/busybox sh\n"));
  EXPECT_THAT(InitScript(), HasSubstr(std::string(kModuleFolder) + "/order"));
  EXPECT_THAT(InitScript(), HasSubstr(std::string(kDevicesFile)));
  EXPECT_THAT(InitScript(), HasSubstr(std::string(kCommandFile)));
  EXPECT_THAT(InitScript(), HasSubstr(std::string(kConsoleFile)));
}

TEST(InitScript, IsAcceptedByBusyboxShell) {
  if (!test::HasTool("busybox")) GTEST_SKIP() << "busybox is not installed";
  const test::TemporaryFolder folder;
  folder.Write("init", std::string(InitScript()));
  const auto checked = folder.Run("busybox ash -n init");
  EXPECT_EQ(checked.status, 0) << checked.output;
}

TEST(InitScript, IsAcceptedByShellcheck) {
  if (!test::HasTool("shellcheck")) GTEST_SKIP() << "shellcheck is not installed";
  const test::TemporaryFolder folder;
  folder.Write("init", std::string(InitScript()));
  const auto checked = folder.Run("shellcheck -s dash init");
  EXPECT_EQ(checked.status, 0) << checked.output;
}

// The functions alone, over a folder that looks like sysfs.
class InitFunctions : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::HasTool("busybox")) GTEST_SKIP() << "busybox is not installed";
    std::string script(InitScript());
    script.resize(script.rfind("\nprepare\n"));
    folder_.Write("functions", script);
    folder_.Run(
        "mkdir bin && for tool in find ls sed cat grep; do ln -s \"$(command -v busybox)\" "
        "bin/$tool; done");
  }
  std::string Run(const std::string& command) {
    return folder_
        .Run("cat > run <<'END'\n. ./functions\nPATH=$PWD/bin\n" + command +
             "\nEND\nbusybox ash ./run")
        .output;
  }

  test::TemporaryFolder folder_;
};

TEST_F(InitFunctions, DisksOfAnNvmeControllerAreItsNamespaces) {
  folder_.Run(
      "mkdir -p d/nvme/nvme0/nvme0n1 d/nvme/nvme0/nvme0n12 d/nvme/nvme0/hwmon1 "
      "d/nvme/nvme0/ng0n1");
  EXPECT_EQ(Run("disks_of d"), "nvme0n1\nnvme0n12\n");
}

// Linux names the hidden path nvme<subsystem>c<controller>n<namespace>.
TEST_F(InitFunctions, DisksOfASharedSubsystemAreItsHeads) {
  folder_.Run("mkdir -p d/nvme/nvme3/nvme0c3n2");
  EXPECT_EQ(Run("disks_of d"), "nvme0n2\n");
}

TEST_F(InitFunctions, DisksOfAScsiAdapterAreFoundBelowIt) {
  folder_.Run("mkdir -p d/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1");
  EXPECT_EQ(Run("disks_of d"), "sda\n");
}

TEST_F(InitFunctions, WaitEndsAtItsLimit) {
  EXPECT_EQ(Run("n=0\nseconds() { n=$((n + 1)); echo 5; }\nusleep() { :; }\n"
                "wait_until 3 true && echo there\n"
                "seconds() { cat clock; echo x >> count; grep -c x count > clock; }\n"
                "echo 1 > clock\nwait_until 3 false || echo late"),
            "there\nlate\n");
}

}  // namespace
}  // namespace vmm::guest
