#include "cli/automation/files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "sysfs/base/fd.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace {

using cli::FilesToInstall;
using cli::InstalledFile;
using cli::InstallFiles;
using cli::RemoveFiles;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
namespace fs = std::filesystem;

const std::vector<InstalledFile> kTwo = {{"/etc/a/rules", "text\n", 0644},
                                         {"/etc/b/link", "/etc/a/rules", 0777, true}};

TEST(InstallFiles, FolderInTheWayIsAnErrorThatNamesIt) {
  const test::TempFolder root;
  fs::create_directories(root.path() + "/etc/a/rules/full");
  const auto result = InstallFiles(root.path(), kTwo);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), testing::HasSubstr("/etc/a/rules"));
  EXPECT_FALSE(fs::exists(root.path() + "/etc/a/rules.new"));
}

TEST(InstallFiles, WritesOnceAndRepairsWhatWasChanged) {
  const test::TempFolder root;
  const std::string rules = root.path() + "/etc/a/rules";
  EXPECT_THAT(InstallFiles(root.path(), kTwo),
              test::IsOkAnd(ElementsAre(rules, root.path() + "/etc/b/link")));
  EXPECT_THAT(base::ReadFile(rules), test::IsOkAnd(testing::Eq("text\n")));
  EXPECT_EQ(fs::read_symlink(root.path() + "/etc/b/link"), "/etc/a/rules");
  EXPECT_THAT(InstallFiles(root.path(), kTwo), test::IsOkAnd(IsEmpty()));
  ASSERT_EQ(::chmod(rules.c_str(), 0600), 0);
  EXPECT_THAT(InstallFiles(root.path(), kTwo), test::IsOkAnd(ElementsAre(rules)));
  EXPECT_EQ(fs::status(rules).permissions(), fs::perms(0644));
}

TEST(InstallFiles, LinkInThePlaceOfAFileIsNotFollowed) {
  const test::TempFolder root;
  fs::create_directories(root.path() + "/etc/a");
  fs::create_symlink("/nowhere", root.path() + "/etc/a/rules");
  EXPECT_THAT(InstallFiles(root.path(), kTwo), test::IsOkAnd(SizeIs(2)));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(root.path() + "/etc/a/rules")));
}

TEST(RemoveFiles, TakesAwayWhatIsThereAndIsContentWithoutIt) {
  const test::TempFolder root;
  const auto files = FilesToInstall("rules\n");
  EXPECT_THAT(RemoveFiles(root.path(), files), test::IsOkAnd(IsEmpty()));
  ASSERT_THAT(InstallFiles(root.path(), files), test::IsOkAnd(SizeIs(files.size())));
  EXPECT_THAT(RemoveFiles(root.path(), files), test::IsOkAnd(SizeIs(files.size())));
  EXPECT_FALSE(fs::exists(root.path() + "/usr/lib/vassign"));
  for (const auto& entry : fs::recursive_directory_iterator(root.path()))
    EXPECT_TRUE(entry.is_directory()) << entry.path();
}

TEST(StaticFiles, AreThoseOfTheFolder) {
  const auto& files = cli::StaticFiles();
  EXPECT_THAT(files, SizeIs(9));
  for (const InstalledFile& file : files) {
    EXPECT_TRUE(file.path.starts_with("/usr/") || file.path.starts_with("/etc/systemd/"));
    EXPECT_FALSE(file.text.empty()) << file.path;
  }
}

}  // namespace
