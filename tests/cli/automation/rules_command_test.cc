#include "cli/automation/rules_command.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/config/pin.h"
#include "tests/cli/vassign_run.h"
#include "tests/support/temp_folder.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kFile = R"(
[[device]]
name = "drive"
match = { path = "0000:00/01.0/00.0", id = "8086:10fb" }
driver = "vfio-pci"
[[device]]
name = "elsewhere"
match = { serial = "S1" }
driver = "vfio-pci"
)";

class RulesCommand : public testing::Test {
 protected:
  explicit RulesCommand(const char* file = kFile)
      : tree_(test::LoadHost("host.txt").release()), vassign_(std::unique_ptr<sysfs::Tree>(tree_)) {
    vassign_.context().pins = std::make_shared<cli::Pins>(folder_.path() + "/pins");
    if (file != nullptr) tree_->AddFile("/etc/vassign/vassign.toml", file);
  }

  test::TempFolder folder_;
  test::FakeTree* tree_;
  test::VassignRun vassign_;
};

TEST_F(RulesCommand, WrongLinesDoNothing) {
  const std::vector<std::vector<const char*>> lines = {
      {"rules", "--install", "--remove"},
      {"rules", "--install", "--early"},
      {"rules", "--root", "/nowhere"},
      {"rules", "--update-initramfs"},
      {"rules", "extra"},
      {"rules", "--install", "--root", "/nowhere", "--update-initramfs"},
  };
  for (const auto& line : lines) {
    const auto result = vassign_(line);
    EXPECT_EQ(result.status, 2) << line.back();
    EXPECT_EQ(result.out, "") << line.back();
  }
}

TEST_F(RulesCommand, PrintsAndNamesWhatIsNotCovered) {
  const auto result = vassign_({"rules"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("*/pci0000:00/0000:00:01.0/0000:??:00.0"));
  EXPECT_THAT(result.err, HasSubstr("no rule for elsewhere"));
  EXPECT_EQ(vassign_({"rules", "--early"}).out, "0000:00/01.0/00.0 8086:10fb - vfio-pci\n");
}

TEST_F(RulesCommand, JsonHoldsBoth) {
  const auto result = vassign_({"rules", "--json"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["schema"], "vassign.rules/1");
  EXPECT_THAT(json["rules"], HasSubstr("VASSIGN_ENTRY"));
  EXPECT_EQ(json["uncovered"].size(), 1u);
}

TEST_F(RulesCommand, BrokenFileIsAnError) {
  tree_->AddFile("/etc/vassign/conf.d/1.toml", "[[device]]\nnme = 1\n");
  const auto result = vassign_({"rules"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("/etc/vassign/conf.d/1.toml"));
}

TEST_F(RulesCommand, InstallsBelowAFolderAndTakesAwayAgain) {
  const std::string& root = folder_.path();
  const auto installed = vassign_({"rules", "--install", "--root", root.c_str()});
  EXPECT_EQ(installed.status, 0);
  EXPECT_THAT(installed.out, AllOf(HasSubstr(root + "/etc/udev/rules.d/61-vassign.rules"),
                                   HasSubstr("/usr/share/initramfs-tools/hooks/vassign")));
  EXPECT_EQ(vassign_({"rules", "--install", "--root", root.c_str()}).out, "nothing to do\n");
  EXPECT_EQ(vassign_({"rules", "--remove", "--root", root.c_str()}).status, 0);
  EXPECT_FALSE(fs::exists(root + "/etc/udev/rules.d/61-vassign.rules"));
}

class RulesWithoutAFile : public RulesCommand {
 protected:
  RulesWithoutAFile() : RulesCommand(nullptr) {}
};

TEST_F(RulesWithoutAFile, AreEmpty) {
  EXPECT_EQ(vassign_({"rules", "--early"}).status, 0);
  EXPECT_EQ(vassign_({"rules", "--early"}).out, "");
}

}  // namespace
