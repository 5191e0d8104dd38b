// Every document that the program prints with --json is in docs/schema/vassign.schema.json.
#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "cli/config/pin.h"
#include "cli/declared/transaction.h"
#include "sysfs/base/fd.h"
#include "tests/cli/functions/run.h"
#include "tests/cli/schema_run.h"
#include "tests/cli/vassign_run.h"
#include "tests/support/assignment_world.h"

namespace cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class SchemaDocuments : public test::SchemaTest {
 protected:
  SchemaDocuments() {
    AddReset();
    test::FakeTree& tree = sriov_.world().tree();
    tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/serial", "S1\n");
    tree.AddFile("/etc/vassign/vassign.toml",
                 "[[device]]\nname = \"drive\"\nmatch = { serial = \"S1\" }\n"
                 "driver = \"vfio-pci\"\n"
                 "[[device]]\nname = \"gone\"\nmatch = { serial = \"S9\" }\n"
                 "driver = \"vfio-pci\"\noptional = true\n");
    sriov_.context().pins = world_.context().pins = std::make_shared<Pins>(pins_.path());
    sriov_.context().start_guard = [] { return base::Status(); };
  }

  void AddReset() {
    const std::string path = "/sys/bus/pci/devices/0000:08:00.0";
    world_.tree().AddFile(path + "/reset_method", "flr pm");
    world_.tree().AddFile(path + "/reset", "");
    world_.tree().AddBytes(path + "/config", {std::byte{0x4d}, std::byte{0x14}});
    world_.tree().Answer([](const std::string& file, const std::string&) -> std::optional<int> {
      if (file.ends_with("/reset")) return 0;
      return std::nullopt;
    });
  }

  // What a command prints; `schema` of it is remembered.
  void KeepText(const std::string& text) {
    const json document = json::parse(text, nullptr, false);
    ASSERT_TRUE(document.is_object()) << text;
    if (document.contains("schema")) printed_.insert(document["schema"].get<std::string>());
    documents_.push_back(document);
    Keep("document-" + std::to_string(documents_.size()) + ".json", text);
  }
  void Bind(std::vector<std::string> words) {
    words.emplace_back("--json");
    world_.Run(words);
    KeepText(world_.out());
  }
  void Functions(std::vector<const char*> words) {
    words.push_back("--json");
    sriov_(words);
    KeepText(sriov_.out());
  }
  void Read(std::vector<const char*> words) {
    test::VassignRun vassign;
    words.push_back("--json");
    KeepText(vassign(words).out);
  }

  void KeepAll() {
    const std::string archive = pins_.path() + "/host.tar";
    const std::string& root = pins_.path();
    Read({"explain", "08:00.0"});
    Read({"doctor"});
    Read({"list"});
    Read({"show", "08:00.0"});
    Read({"rules"});
    Read({"rules", "--install", "--root", root.c_str()});
    Read({"rules", "--remove", "--root", root.c_str()});
    Read({"snapshot", archive.c_str()});
    Read({"sriov", "show"});
    Bind({"bind", "08:00.0", "--persist", "--dry-run"});
    Bind({"reset", "08:00.0"});
    Bind({"bind", "08:00.0"});
    Bind({"status"});
    Bind({"bind", "09:00.0"});
    BindInVain();
    Bind({"restore", "08:00.0"});
    Functions({"sriov", "set", "03:00.0", "2", "--dry-run"});
    Functions({"sriov", "set", "03:00.0", "2", "--driver", "vfio-pci"});
    Functions({"sriov", "vf", "03:00.0#1", "--vlan", "7"});
    Functions({"sriov", "show"});
    Functions({"sriov", "set", "08:00.0", "2"});
    Functions({"sriov", "set", "08:00.0", "0"});
    Functions({"plan"});
    StoreWaiting();
    Functions({"status"});
    Functions({"confirm"});
    Functions({"apply"});
    Functions({"apply", "--boot"});
  }
  // With what the kernel says about it.
  void BindInVain() {
    test::AssignmentWorld world;
    world.tree().Answer([](const std::string& file, const std::string&) -> std::optional<int> {
      if (file.ends_with("/vfio-pci/bind")) return EIO;
      return std::nullopt;
    });
    world.context().kernel_log = [] { return "x 0000:08:00.0: not ready\nx 0000:08:00.0: odd\n"; };
    EXPECT_EQ(world.Run({"bind", "08:00.0", "--json"}), 7);
    EXPECT_EQ(json::parse(world.out())["error"]["kernel_log"].size(), 2u) << world.out();
    KeepText(world.out());
  }
  void StoreWaiting() {
    const sysfs::Journal journal = sriov_.world().journal();
    Transaction waiting = {"boot-1", 77, Phase::kWaiting, 60, MillisecondsSinceBoot() + 60000, {},
                           {},       {}};
    waiting.touched.push_back({test::kSriovDrive, {}, {}, {}, {}});
    ASSERT_TRUE(StoreTransaction(journal, waiting));
    ASSERT_TRUE(StoreFailure(journal, 77, base::Error(base::Code::kInUse, "vmm has it")));
  }

  test::TempFolder pins_;
  test::AssignmentWorld world_;
  test::SriovRun sriov_;
  std::set<std::string> printed_;
  std::vector<json> documents_;
};

// All names that stand in the sources of the commands.
std::set<std::string> NamesInSources() {
  std::set<std::string> names;
  const std::regex name("\"(vassign\\.[a-z.]+/[0-9]+)\"");
  for (const auto& file : std::filesystem::recursive_directory_iterator(SOURCES)) {
    if (file.path().extension() != ".cc") continue;
    const std::string text = *base::ReadFile(file.path());
    for (std::sregex_iterator one(text.begin(), text.end(), name), end; one != end; ++one)
      names.insert((*one)[1]);
  }
  return names;
}

TEST_F(SchemaDocuments, EachFollowsIt) {
  KeepAll();
  const auto outcome = Validate();
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

TEST_F(SchemaDocuments, EachNameInTheSourcesIsInItAndWasTried) {
  KeepAll();
  printed_.insert("vassign.watch/1");  // schema_test.cc
  const std::string schema = *base::ReadFile(SCHEMA);
  const auto names = NamesInSources();
  EXPECT_GT(names.size(), 15u);
  for (const std::string& name : names) EXPECT_THAT(schema, HasSubstr("\"" + name + "\""));
  EXPECT_EQ(printed_, names);
}

TEST_F(SchemaDocuments, NoneFollowsItWithoutOneOfItsFields) {
  KeepAll();
  files_.clear();
  std::vector<std::string> broken;
  for (const json& document : documents_) {
    for (const auto& [key, value] : document.items()) {
      json rest = document;
      rest.erase(key);
      broken.push_back("broken-" + std::to_string(broken.size()) + ".json");
      Keep(broken.back(), rest.dump());
    }
  }
  const auto outcome = Validate();
  EXPECT_EQ(outcome.status, 1);
  for (const std::string& name : broken)
    EXPECT_THAT(outcome.output, HasSubstr(name + " ")) << folder_.Read(name);
}

}  // namespace
}  // namespace cli
