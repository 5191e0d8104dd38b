#include "sysfs/modules.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/matchers.h"

namespace sysfs {
namespace {

namespace fs = std::filesystem;
using test::FailsWith;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kDrive = "pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02";
constexpr const char* kRelease = "6.12.0-test";

// A modules directory that depmod indexes: drive needs core, and softly helper; builtin is none.
// The objects are compiled from tests/sysfs/modules/*.c.
base::Result<std::vector<ModuleFile>> ModulesFor(std::string_view name,
                                                 const std::string& directory) {
  return TRY(ModuleIndex::Open(directory)).FilesFor(name);
}

class ModulesDirectory : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string name = (fs::path(testing::TempDir()) / "modules-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    directory_ = (root_ / "lib/modules" / kRelease).string();
    fs::create_directories(directory_ + "/kernel");
    for (const auto& entry : fs::directory_iterator(FAKE_MODULES_DIR))
      fs::copy(entry.path(), fs::path(directory_) / "kernel" / entry.path().filename());
    std::ofstream(directory_ + "/modules.order") << "";
    std::ofstream(directory_ + "/modules.builtin") << "kernel/drivers/built_in.ko\n";
    std::ofstream(directory_ + "/modules.builtin.modinfo", std::ios::binary)
        << std::string("built_in.alias=pci:v00001AF4d*sv*sd*bc*sc*i*\0", 45);
    const std::string command = std::string(DEPMOD) + " -b " + root_.string() + " " + kRelease;
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }

  static std::string Path(const std::string& module) {
    return directory_ + "/kernel/" + module + ".ko";
  }

  static inline fs::path root_;
  static inline std::string directory_;
};

TEST_F(ModulesDirectory, UnusableDirectoryIsExplained) {
  for (const std::string& directory : {std::string("/nonexistent"), root_.string()}) {
    const auto names = AliasesToModules(kDrive, directory);
    ASSERT_THAT(names, FailsWith(base::Code::kNotFound, HasSubstr(directory)));
    EXPECT_THAT(names.error().hint(), HasSubstr("depmod"));
    EXPECT_THAT(ModulesFor(kDrive, directory), FailsWith(base::Code::kNotFound));
  }
}

TEST_F(ModulesDirectory, UnknownAliasIsEmptyOrNotFound) {
  EXPECT_THAT(AliasesToModules("pci:v00009999d00000000", directory_), IsOkAnd(IsEmpty()));
  EXPECT_THAT(ModulesFor("pci:v00009999d00000000", directory_),
              FailsWith(base::Code::kNotFound, HasSubstr("pci:v00009999")));
  EXPECT_THAT(ModulesFor("no_such_module", directory_), FailsWith(base::Code::kNotFound));
}

TEST_F(ModulesDirectory, AliasFindsItsModule) {
  EXPECT_THAT(AliasesToModules(kDrive, directory_), IsOkAnd(ElementsAre("drive")));
}

TEST_F(ModulesDirectory, FilesComeInTheOrderOfLoading) {
  EXPECT_THAT(ModulesFor(kDrive, directory_),
              IsOkAnd(ElementsAre(ModuleFile{"helper", Path("helper"), false},
                                  ModuleFile{"core", Path("core"), false},
                                  ModuleFile{"drive", Path("drive"), false})));
  EXPECT_THAT(ModulesFor("core", directory_),
              IsOkAnd(ElementsAre(ModuleFile{"core", Path("core"), false})));
}

TEST_F(ModulesDirectory, BuiltInNeedsNoFile) {
  EXPECT_THAT(ModulesFor("built_in", directory_),
              IsOkAnd(ElementsAre(ModuleFile{"built_in", "", true})));
  EXPECT_THAT(AliasesToModules("pci:v00001AF4d00001041sv0sd0bc02sc00i00", directory_),
              IsOkAnd(ElementsAre("built_in")));
}

TEST(RunningModulesDirectory, IsBelowLibModules) {
  EXPECT_THAT(RunningModulesDirectory(), testing::StartsWith("/lib/modules/"));
}

}  // namespace
}  // namespace sysfs
