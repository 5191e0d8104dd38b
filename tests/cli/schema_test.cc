// What the program prints with --json is what docs/schema/vassign.schema.json promises.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cli/schema_run.h"
#include "tests/cli/vassign_run.h"
#include "tests/support/stuck_tree.h"

namespace cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Schema : public test::SchemaTest {
 protected:
  void KeepOutput(test::VassignRun& vassign, const std::string& name,
                  const std::vector<const char*>& words) {
    Keep(name, vassign(words).out);
  }
};

TEST_F(Schema, ReportsFollowIt) {
  test::VassignRun vassign;
  vassign.context().use_marks = test::UsedOnBus(9);
  KeepOutput(vassign, "list.json", {"list", "--json"});
  KeepOutput(vassign, "details.json", {"list", "--json", "--details"});
  const json list = json::parse(vassign({"list", "--json"}).out);
  for (const json& device : list["devices"]) {
    const std::string bdf = device["bdf"];
    KeepOutput(vassign, "show-" + bdf + ".json", {"show", "--json", bdf.c_str()});
  }
  KeepOutput(vassign, "empty.json", {"list", "--json", "--driver", "absent"});
  KeepOutput(vassign, "not-found.json", {"show", "--json", "77:00.0"});
  KeepOutput(vassign, "usage.json", {"list", "--json", "--tree"});
  const auto outcome = Validate();
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

TEST_F(Schema, ReportsWithUnknownFactsFollowIt) {
  auto tree = test::LoadHost("host.txt");
  tree->AddFile("/sys/bus/pci/devices/0000:08:00.0/power_state", "D3cold\n");
  tree->AddFile("/sys/bus/pci/devices/0000:09:00.0/numa_node", "-1\n");
  tree->AddFile("/proc/cmdline", "pcie_acs_override=downstream\n");
  tree->AddFile("/proc/77/comm", "vmm\n");
  tree->AddLink("/proc/77/fd/3", "/dev/vfio/17");
  test::VassignRun vassign(std::make_unique<test::StuckTree>(
      std::move(tree), std::set<std::string>{"/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs"}));
  KeepOutput(vassign, "list.json", {"list", "--json"});
  KeepOutput(vassign, "asleep.json", {"show", "--json", "08:00.0"});
  KeepOutput(vassign, "busy.json", {"show", "--json", "03:00.0"});
  const auto outcome = Validate();
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

TEST_F(Schema, EventsFollowIt) {
  test::VassignRun vassign;
  auto& tree = dynamic_cast<test::FakeTree&>(*vassign.context().tree);
  tree.AddDirectory("/proc/1/fd");
  int step = 0;
  vassign.context().watch_source = [&]() -> base::Result<WatchSource> {
    return WatchSource{[&]() -> base::Result<Wake> {
                         tree.AddFile("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "1\n");
                         tree.AddFile("/proc/77/comm", "vmm\n");
                         tree.AddLink("/proc/77/fd/3", "/dev/vfio/17");
                         if (step == 1) tree.AddDevice({.bdf = "0000:77:00.0"});
                         if (step == 2) tree.Remove("/sys/bus/pci/devices/0000:77:00.0");
                         return Wake{++step > 3, true, {}};
                       },
                       std::chrono::system_clock::now};
  };
  KeepOutput(vassign, "events.jsonl", {"watch", "--json", "--initial"});
  const std::string events = folder_.Read("events.jsonl");
  for (const char* change : {"present", "functions", "added", "removed", "owner"})
    EXPECT_THAT(events, HasSubstr("\"change\":\"" + std::string(change) + "\""));
  const auto outcome = Validate();
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

struct Break {
  const char* place;  // JSON pointer
  json value;         // a discarded one removes the place
};

TEST_F(Schema, BrokenReportsDoNot) {
  test::VassignRun vassign;
  const json good = json::parse(vassign({"show", "--json", "08:00.0"}).out);
  const json absent = json(json::value_t::discarded);
  const std::vector<Break> breaks{{"/schema", "vassign.list/2"},
                                  {"/host", absent},
                                  {"/devices", nullptr},
                                  {"/devices/0/bdf", "08:00.0"},
                                  {"/devices/0/vendor/id", 32902},
                                  {"/devices/0/class/id", "0x0108"},
                                  {"/devices/0/driver", absent},
                                  {"/devices/0/numa_node", -1},
                                  {"/devices/0/iommu_group/id", "14"},
                                  {"/devices/0/iommu_group/isolated", absent},
                                  {"/devices/0/sriov/role", "physical"},
                                  {"/devices/0/sriov/vfs/0", "virtfn0"},
                                  {"/devices/0/assignable/ok", false},
                                  {"/devices/0/owner", {{"pid", 0}, {"comm", "vmm"}}},
                                  {"/devices/0/bars/0/size", "16384"},
                                  {"/devices/0/link/speed_gts", "8.0 GT/s"},
                                  {"/devices/0/reset/methods", "flr bus"},
                                  {"/devices/0/power", absent},
                                  {"/devices/0/unknown/0/reason", ""}};
  for (size_t i = 0; i < breaks.size(); ++i) {
    json broken = good;
    const json::json_pointer place(breaks[i].place);
    if (breaks[i].value.is_discarded()) {
      broken.at(place.parent_pointer()).erase(place.back());
    } else {
      broken[place] = breaks[i].value;
    }
    Keep("broken-" + std::to_string(i) + ".json", broken.dump());
  }
  const auto outcome = Validate();
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  for (size_t i = 0; i < breaks.size(); ++i)
    EXPECT_THAT(outcome.output, HasSubstr("broken-" + std::to_string(i) + ".json "))
        << breaks[i].place;
}

TEST_F(Schema, BrokenEventsAndErrorsDoNot) {
  Keep("broken-0.jsonl", "{\"schema\":\"vassign.watch/1\",\"bdf\":\"0000:08:00.0\"}\n");
  Keep("broken-1.json",
       "{\"error\":{\"code\":\"Not Found\",\"exit\":3,\"message\":\"x\","
       "\"hint\":null,\"errno\":null}}");
  Keep("broken-2.json",
       "{\"error\":{\"code\":\"usage\",\"exit\":0,\"message\":\"x\","
       "\"hint\":null,\"errno\":null}}");
  Keep("broken-3.json", "[]");
  const auto outcome = Validate();
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  for (const char* name : {"broken-0.jsonl", "broken-1.json", "broken-2.json", "broken-3.json"})
    EXPECT_THAT(outcome.output, HasSubstr(name));
}

}  // namespace
}  // namespace cli
