#include "cli/functions/command.h"

#include <gmock/gmock.h>

#include "tests/cli/functions/run.h"

namespace cli {
namespace {

using testing::HasSubstr;

TEST(SriovCommand, WantsOneOfItsCommands) {
  test::SriovRun vassign;
  EXPECT_EQ(vassign({"sriov"}), 2);
  EXPECT_EQ(vassign({"sriov", "shwo"}), 2);
  EXPECT_THAT(vassign.err(), HasSubstr("did you mean vassign sriov show?"));
}

TEST(SriovCommand, HelpIsOfTheCommandThatWasAsked) {
  test::SriovRun vassign;
  EXPECT_EQ(vassign({"sriov", "--help"}), 0);
  EXPECT_THAT(vassign.out(), HasSubstr("vf "));
  EXPECT_EQ(vassign({"sriov", "set", "--help"}), 0);
  EXPECT_THAT(vassign.out(), HasSubstr("vassign sriov set"));
  EXPECT_THAT(vassign.out(), HasSubstr("--driver"));
  EXPECT_EQ(vassign({"sriov", "set", "03:00.0"}), 2);
  EXPECT_THAT(vassign.err(), HasSubstr("vassign sriov set --help"));
}

TEST(SriovCommand, HelpFitsATerminal) {
  test::SriovRun vassign;
  for (const char* command : {"show", "set", "vf"}) {
    ASSERT_EQ(vassign({"sriov", command, "--help"}), 0);
    std::istringstream lines(vassign.out());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(RestorePhysical, HeldFunctionsAreAskedBackByForce) {
  test::SriovRun vassign;
  ASSERT_EQ(vassign({"sriov", "set", "03:00.0", "2", "--driver", "vfio-pci"}), 0);
  test::FakeTree& tree = vassign.world().tree();
  tree.AddFile("/proc/77/comm", "vmm\n");
  tree.AddLink("/proc/77/fd/9", "/dev/vfio/30");
  EXPECT_EQ(vassign({"restore", "03:00.0"}), 4);
  EXPECT_THAT(vassign.err(), HasSubstr("--force=assigned"));
  EXPECT_EQ(vassign({"restore", "03:00.0", "--force=assigned", "--dry-run"}), 0);
  EXPECT_THAT(vassign.out(), HasSubstr("which asks pid 77 for it"));
  tree.OnWrite([&](const std::string& path, const std::string&) {
    if (path.ends_with("/vfio-pci/unbind")) tree.Remove("/proc/77");
  });
  EXPECT_EQ(vassign({"restore", "03:00.0", "--force=assigned"}), 0) << vassign.err();
  EXPECT_THAT(vassign.out(), HasSubstr("2 -> 0 virtual functions"));
}

}  // namespace
}  // namespace cli
