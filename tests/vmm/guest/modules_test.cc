#include "vmm/guest/modules.h"

#include <gmock/gmock.h>

#include <map>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace vmm::guest {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

auto Named(const char* name) { return Field(&LoadedModule::name, name); }

class CollectModulesTest : public testing::Test {
 protected:
  CollectModulesTest() {
    tree_.AddFile("/m/core.ko", "core");
    tree_.AddFile("/m/nvme.ko", "nvme");
    tree_.AddFile("/m/button.ko", "button");
    found_["pci:nvme"] = {{"core", "/m/core.ko"}, {"nvme", "/m/nvme.ko"}};
    found_["pci:builtin"] = {{"ahci", "", true}};
    found_["button"] = {{"core", "/m/core.ko"}, {"button", "/m/button.ko"}};
  }

  base::Result<ModuleSet> Collect(const std::vector<std::string>& aliases,
                                  const std::vector<std::string>& names = {}) {
    const ModuleFinder find =
        [&](const std::string& name) -> base::Result<std::vector<sysfs::ModuleFile>> {
      if (const auto entry = found_.find(name); entry != found_.end()) return entry->second;
      if (name == "broken") return base::Fail(Code::kKernel, "index unreadable");
      return base::Fail(Code::kNotFound, "nothing claims it");
    };
    return CollectModules(tree_, find, aliases, names);
  }

  test::FakeTree tree_;
  std::map<std::string, std::vector<sysfs::ModuleFile>> found_;
};

TEST_F(CollectModulesTest, RemarksThatADeviceHasNoDriver) {
  const auto set = Collect({"pci:unknown"});
  ASSERT_THAT(set, IsOk());
  EXPECT_THAT(set->modules, IsEmpty());
  EXPECT_THAT(set->driven, IsEmpty());
  EXPECT_THAT(set->remarks, ElementsAre(HasSubstr("pci:unknown")));
}

TEST_F(CollectModulesTest, FailsWhenAModuleCannotBeRead) {
  found_["pci:nvme"][1].path = "/m/gone.ko";
  EXPECT_FALSE(Collect({"pci:nvme"}));
  tree_.AddBytes("/m/gone.ko", {std::byte{0x1f}, std::byte{0x8b}});
  EXPECT_THAT(Collect({"pci:nvme"}),
              FailsWith(Code::kUsage, HasSubstr("/m/gone.ko: damaged gzip")));
}

TEST_F(CollectModulesTest, FailsWhenTheIndexCannotBeRead) {
  EXPECT_THAT(Collect({"broken"}), FailsWith(Code::kKernel));
}

TEST_F(CollectModulesTest, KeepsTheOrderAndTakesEachModuleOnce) {
  const auto set = Collect({"pci:nvme", "pci:nvme"}, {"button", "absent"});
  ASSERT_THAT(set, IsOk());
  EXPECT_THAT(set->modules, ElementsAre(Named("core"), Named("nvme"), Named("button")));
  EXPECT_THAT(set->remarks, IsEmpty());
}

TEST_F(CollectModulesTest, ABuiltInDriverIsADriverWithoutAModule) {
  const auto set = Collect({"pci:builtin"});
  ASSERT_THAT(set, IsOk());
  EXPECT_THAT(set->modules, IsEmpty());
  EXPECT_THAT(set->driven, ElementsAre("pci:builtin"));
}

}  // namespace
}  // namespace vmm::guest
