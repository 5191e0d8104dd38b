#include "cli/devices/watch_output.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

namespace cli {
namespace {

class WatchLine : public testing::Test {
 protected:
  WatchLine() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    before_.device.address = {0, 8, 0, 0};
    before_.device.vendor = 0x144d;
    before_.device.device = 0xa808;
    before_.device.class_code = 0x010802;
    before_.device.driver = "nvme";
    before_.device.iommu_group = 14;
    before_.device.sriov_numvfs = 0;
    after_ = before_;
    after_.device.driver = "vfio-pci";
    after_.device.driver_override = "vfio-pci";
    after_.device.sriov_numvfs = 4;
    after_.owner = Owner{7, "vmm"};
  }
  std::string Text(ChangeKind kind) const {
    return WatchText({kind, before_, after_}, time_, names_, false);
  }
  nlohmann::json Json(ChangeKind kind) const {
    const std::string line = WatchJson({kind, before_, after_}, time_);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    return nlohmann::json::parse(line);
  }

  // 2001-09-09T01:46:40.007Z
  const WatchTime time_{std::chrono::milliseconds(1000000000007)};
  const sysfs::Names names_{std::string(TEST_DATA_DIR) + "/pci.ids"};
  WatchedDevice before_;
  WatchedDevice after_;
};

TEST_F(WatchLine, TextSaysWhatChanged) {
  const std::string start = "01:46:40  0000:08:00.0  ";
  EXPECT_EQ(Text(ChangeKind::kUnbound), start + "unbound    nvme");
  EXPECT_EQ(Text(ChangeKind::kBound), start + "bound      vfio-pci");
  EXPECT_EQ(Text(ChangeKind::kOverride), start + "override   none -> vfio-pci");
  EXPECT_EQ(Text(ChangeKind::kFunctions), start + "functions  0 -> 4");
  EXPECT_EQ(Text(ChangeKind::kGroup), start + "group      14 -> 14");
  EXPECT_EQ(Text(ChangeKind::kOwner), start + "owner      none -> vmm (pid 7)");
  EXPECT_EQ(Text(ChangeKind::kAdded),
            start +
                "added      Samsung Electronics Co Ltd NVMe SSD Controller "
                "SM981/PM981/PM983, driver vfio-pci, group 14");
  EXPECT_EQ(WatchText({ChangeKind::kRemoved, before_, {}}, time_, names_, false),
            start + "removed    Samsung Electronics Co Ltd NVMe SSD Controller SM981/PM981/PM983");
}

TEST_F(WatchLine, ColourOnlyWhenAsked) {
  EXPECT_THAT(Text(ChangeKind::kBound), testing::Not(testing::HasSubstr("\x1b")));
  EXPECT_THAT(WatchText({ChangeKind::kBound, before_, after_}, time_, names_, true),
              testing::HasSubstr("\x1b[32mbound"));
}

TEST_F(WatchLine, NamesCannotCommandTheTerminal) {
  after_.device.driver = "evil\x1b[2J\n";
  EXPECT_EQ(Text(ChangeKind::kBound), "01:46:40  0000:08:00.0  bound      evil?[2J?");
}

TEST_F(WatchLine, JsonHasBothValuesAndTheState) {
  const auto bound = Json(ChangeKind::kBound);
  EXPECT_EQ(bound["schema"], "vassign.watch/1");
  EXPECT_EQ(bound["time"], "2001-09-09T01:46:40.007Z");
  EXPECT_EQ(bound["bdf"], "0000:08:00.0");
  EXPECT_EQ(bound["change"], "bound");
  EXPECT_EQ(bound["from"], "nvme");
  EXPECT_EQ(bound["to"], "vfio-pci");
  EXPECT_EQ(bound["state"]["class"], "0x010802");
  EXPECT_EQ(Json(ChangeKind::kFunctions)["to"], 4);
  EXPECT_EQ(Json(ChangeKind::kOwner)["to"]["pid"], 7);
  EXPECT_TRUE(Json(ChangeKind::kOwner)["from"].is_null());
}

TEST_F(WatchLine, JsonOfARemovalHasNoState) {
  const auto json = nlohmann::json::parse(WatchJson({ChangeKind::kRemoved, before_, {}}, time_));
  EXPECT_TRUE(json["state"].is_null());
  EXPECT_TRUE(json["to"].is_null());
}

TEST_F(WatchLine, JsonStaysJsonWhateverADriverIsCalled) {
  after_.device.driver = "\xff\n\"";
  EXPECT_EQ(Json(ChangeKind::kBound)["to"], "\xef\xbf\xbd\n\"");
}

}  // namespace
}  // namespace cli
