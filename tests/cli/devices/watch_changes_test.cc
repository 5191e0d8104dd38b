#include "cli/devices/watch_changes.h"

#include <gmock/gmock.h>

namespace cli {
namespace {

using sysfs::DeviceEvent;
using sysfs::PciAddress;
using sysfs::PciDevice;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr PciAddress kDrive{0, 8, 0, 0};
constexpr PciAddress kCard{0, 3, 0, 0};

class Changes : public testing::Test {
 protected:
  Changes() {
    WatchedDevice drive;
    drive.device.address = kDrive;
    drive.device.vendor = 0x144d;
    drive.device.driver = "nvme";
    drive.device.iommu_group = 14;
    WatchedDevice card;
    card.device.address = kCard;
    card.device.sriov_totalvfs = 7;
    card.device.sriov_numvfs = 0;
    before_ = {{kDrive, drive}, {kCard, card}};
    after_ = before_;
  }
  static std::vector<std::string> Names(const std::vector<Change>& changes) {
    std::vector<std::string> names;
    for (const Change& change : changes)
      names.push_back(change.device().address.ToString() + " " + std::string(Name(change.kind)));
    return names;
  }
  std::vector<std::string> Found() const { return Names(FindChanges(before_, after_)); }
  PciDevice& Drive() { return after_[kDrive].device; }

  Snapshot before_;
  Snapshot after_;
};

TEST_F(Changes, NoneWhenNothingChanged) { EXPECT_THAT(Found(), IsEmpty()); }

TEST_F(Changes, FromAndToNothing) {
  EXPECT_THAT(Names(FindChanges({}, after_)),
              ElementsAre("0000:03:00.0 added", "0000:08:00.0 added"));
  EXPECT_THAT(Names(FindChanges(before_, {})),
              ElementsAre("0000:03:00.0 removed", "0000:08:00.0 removed"));
  EXPECT_THAT(FindChanges({}, {}), IsEmpty());
}

TEST_F(Changes, ABindIsToldInItsOrder) {
  Drive().driver = "vfio-pci";
  Drive().driver_override = "vfio-pci";
  after_[kDrive].owner = Owner{7, "vmm"};
  const auto changes = FindChanges(before_, after_);
  EXPECT_THAT(Names(changes), ElementsAre("0000:08:00.0 unbound", "0000:08:00.0 override",
                                          "0000:08:00.0 bound", "0000:08:00.0 owner"));
  EXPECT_EQ(changes[0].before->device.driver, "nvme");
  EXPECT_EQ(changes[2].after->device.driver, "vfio-pci");
}

TEST_F(Changes, NumbersOfFunctionsAndGroups) {
  after_[kCard].device.sriov_numvfs = 7;
  Drive().iommu_group = std::nullopt;
  EXPECT_THAT(Found(), ElementsAre("0000:03:00.0 functions", "0000:08:00.0 group"));
}

TEST_F(Changes, AnotherDeviceAtTheSamePlace) {
  Drive().vendor = 0x8086;
  EXPECT_THAT(Found(), ElementsAre("0000:08:00.0 removed", "0000:08:00.0 added"));
}

TEST_F(Changes, WhatIsUnknownIsNoChange) {
  Drive().busy = true;
  Drive().driver_override = "vfio-pci";
  after_[kCard].device.busy = true;
  after_[kCard].device.sriov_numvfs = std::nullopt;
  after_[kDrive].owner_known = false;
  after_[kDrive].owner = Owner{7, "vmm"};
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(Changes, WhatWasKnownOutlivesALookThatCouldNotRead) {
  before_[kCard].device.sriov_numvfs = 3;
  before_[kDrive].owner = Owner{7, "vmm"};
  after_[kCard].device.sriov_numvfs = std::nullopt;
  after_[kCard].device.busy = true;
  after_[kDrive].owner_known = false;
  KeepUnknown(before_, after_);
  EXPECT_EQ(after_[kCard].device.sriov_numvfs, 3u);
  EXPECT_EQ(after_[kDrive].owner, (Owner{7, "vmm"}));
  Snapshot later = after_;
  later[kCard].device.sriov_numvfs = 5;
  EXPECT_THAT(Names(FindChanges(after_, later)), ElementsAre("0000:03:00.0 functions"));
}

TEST_F(Changes, NothingIsKeptForAnotherDevice) {
  before_[kDrive].device.driver_override = "vfio-pci";
  Drive().vendor = 0x8086;
  Drive().busy = true;
  KeepUnknown(before_, after_);
  EXPECT_TRUE(Drive().busy);
  EXPECT_EQ(Drive().driver_override, std::nullopt);
}

TEST_F(Changes, EventsProveWhatBothLooksMissed) {
  const std::vector<DeviceEvent> gone{{"remove", "pci", "", "", kDrive},
                                      {"add", "pci", "", "", kDrive}};
  const Snapshot without = Between(before_, gone);
  EXPECT_THAT(Names(FindChanges(before_, without)), ElementsAre("0000:08:00.0 removed"));
  EXPECT_THAT(Names(FindChanges(without, after_)), ElementsAre("0000:08:00.0 added"));
  const std::vector<DeviceEvent> rebound{{"unbind", "pci", "", "", kDrive}};
  const Snapshot unbound = Between(before_, rebound);
  EXPECT_THAT(Names(FindChanges(before_, unbound)), ElementsAre("0000:08:00.0 unbound"));
  EXPECT_THAT(Names(FindChanges(unbound, after_)), ElementsAre("0000:08:00.0 bound"));
}

TEST_F(Changes, EventsOfStrangersProveNothing) {
  const std::vector<DeviceEvent> events{{"unbind", "pci", "", "", PciAddress{0, 0x77, 0, 0}},
                                        {"remove", "vfio", "14", "", std::nullopt},
                                        {"change", "pci", "", "", kDrive}};
  EXPECT_THAT(FindChanges(before_, Between(before_, events)), IsEmpty());
}

}  // namespace
}  // namespace cli
