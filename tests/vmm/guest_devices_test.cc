#include "vmm/guest_devices.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/machine_of_devices.h"
#include "tests/support/temp_folder.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// A card of two functions behind a port, and a device on bus 0, in a machine that is between two
// boards.
class GuestDevicesTest : public test::MachineOfDevices {
 protected:
  void SetUp() override {
    host_.Add(first_, 14);
    host_.Add(second_, 15);
    host_.Add(on_bus0_, 16);
    plan_.devices = {{kFirst, 1, true, 0, "", "first", {}},
                     {kSecond, 1, true, 1, "", "second", {}},
                     {kOnBus0, 5, false, 0, "", "fixed", {}}};
    wiring_.kept = [this](const std::string& id) {
      kept_.push_back(id);
      if (kept_.size() == 2) loop_->Stop();
    };
    wiring_.gone = [this](const std::string& id, bool forced) {
      gone_.push_back(id);
      if (forced) taken_.push_back(id);
      if (gone_.size() == awaited_) loop_->Stop();
    };
    Make();
  }
  static void Kill(test::FakeVfioDevice& device) { device.SetConfigValue(0, 0xffffffff, 4); }
  static void Signal(const test::FakeVfioDevice& device, uint32_t irq) {
    const uint64_t one = 1;
    ASSERT_EQ(::write(device.trigger(irq, 0), &one, sizeof one), ssize_t{sizeof one});
  }
  void RunUntilGone(size_t count) {
    awaited_ = count;
    if (gone_.size() >= count) return;
    EXPECT_THAT(loop_->Run(), IsOk());
  }
  size_t Functions() { return devices_->bridge().View().size(); }

  std::vector<std::string> gone_;
  std::vector<std::string> taken_;  // of these
  std::vector<std::string> kept_;
  size_t awaited_ = 0;
};

TEST_F(GuestDevicesTest, ARebootResetsAndKeepsThem) {
  ASSERT_THAT(devices_->Restart(), IsOk());
  EXPECT_THAT(gone_, IsEmpty());
  EXPECT_EQ(first_.resets() + second_.resets() + on_bus0_.resets(), 3u);
}

TEST_F(GuestDevicesTest, WhatDoesNotComeBackIsTakenWithItsCard) {
  second_.OnReset([this] { Kill(second_); });
  ASSERT_THAT(devices_->Restart(), IsOk());
  RunUntilGone(2);
  EXPECT_THAT(gone_, UnorderedElementsAre("first", "second"));
  EXPECT_TRUE(devices_->bridge().IsFree(plan_.ports[0].devfn()));
  EXPECT_EQ(devices_->ids().size(), 1u);
  EXPECT_EQ(devices_->stats().size(), 3u);
}

TEST_F(GuestDevicesTest, OnBus0ItIsNoLongerThere) {
  const size_t before = Functions();
  on_bus0_.OnReset([this] { Kill(on_bus0_); });
  ASSERT_THAT(devices_->Restart(), IsOk());
  RunUntilGone(1);
  EXPECT_THAT(gone_, ElementsAre("fixed"));
  EXPECT_EQ(Functions(), before - 1);
}

TEST_F(GuestDevicesTest, AnErrorTakesTheCard) {
  Signal(first_, vfio::kErrorIrq);
  RunUntilGone(2);
  EXPECT_THAT(gone_, UnorderedElementsAre("first", "second"));
}

TEST_F(GuestDevicesTest, WhatIsGoneIsNotAskedOfTheGuest) {
  Kill(first_);
  Kill(second_);
  Signal(first_, vfio::kRequestIrq);
  RunUntilGone(2);
  EXPECT_TRUE(devices_->bridge().IsFree(plan_.ports[0].devfn()));
}

TEST_F(GuestDevicesTest, OnBus0ItIsTakenWhenTheHostWantsIt) {
  const size_t before = Functions();
  Signal(on_bus0_, vfio::kRequestIrq);
  RunUntilGone(1);
  EXPECT_THAT(taken_, ElementsAre("fixed"));
  EXPECT_EQ(Functions(), before - 1);
}

TEST_F(GuestDevicesTest, OnBus0AnErrorTakesItToo) {
  Signal(on_bus0_, vfio::kErrorIrq);
  RunUntilGone(1);
  EXPECT_THAT(taken_, ElementsAre("fixed"));
}

TEST_F(GuestDevicesTest, ByForceTheWholeCardGoesAtOnce) {
  EXPECT_THAT(devices_->Remove("fixed", kLeaveTime), test::FailsWith(base::Code::kUnfit));
  ASSERT_THAT(devices_->Remove("fixed", std::chrono::seconds(0)), IsOk());
  RunUntilGone(1);
  EXPECT_THAT(devices_->Remove("nothing", kLeaveTime), test::FailsWith(base::Code::kNotFound));
  ASSERT_THAT(devices_->Remove("second", std::chrono::seconds(0)), IsOk());
  RunUntilGone(3);
  EXPECT_THAT(taken_, UnorderedElementsAre("fixed", "first", "second"));
}

TEST_F(GuestDevicesTest, WhatAGuestDoesNotLetGoOfCanStay) {
  // A guest that has switched its slots on, and presses nothing.
  pci::HostBridge& bridge = devices_->bridge();
  ASSERT_FALSE(bridge.IsFree(plan_.ports[0].devfn()));
  ASSERT_THAT(devices_->Remove("first", std::chrono::seconds(1), PortWaits::AtEnd::kKeep), IsOk());
  ASSERT_THAT(loop_->Run(), IsOk());
  EXPECT_THAT(kept_, UnorderedElementsAre("first", "second"));
  EXPECT_THAT(gone_, IsEmpty());
  EXPECT_FALSE(bridge.IsFree(plan_.ports[0].devfn()));
  // The request is over: the next one is a new one.
  ASSERT_THAT(devices_->Remove("first", std::chrono::seconds(0)), IsOk());
  RunUntilGone(2);
}

TEST_F(GuestDevicesTest, AFaultIsCountedForItsDevice) {
  EXPECT_EQ(devices_->NoteFault({{0, 1, 0, 0}, true, 0x1000, false, ""}), std::nullopt);
  EXPECT_EQ(devices_->NoteFault({{1, 8, 0, 1}, false, 0x1000, false, ""}), std::nullopt);
  const auto known = devices_->NoteFault({kSecond, true, 0x1000, false, ""});
  EXPECT_EQ(known, (GuestDevices::Known{"second", "0000:08:00.1"}));
  ASSERT_TRUE(devices_->NoteFault({kSecond, false, 0x1000, false, ""}));
  EXPECT_EQ(devices_->counters().at("second").iommu_faults, 2u);
  EXPECT_EQ(devices_->counters().at("first").iommu_faults, 0u);
  // What has left is told at the end too.
  ASSERT_THAT(devices_->Remove("second", std::chrono::seconds(0)), IsOk());
  RunUntilGone(2);
  uint64_t all = 0;
  for (const DeviceStats& one : devices_->stats()) all += one.counters.iommu_faults;
  EXPECT_EQ(all, 2u);
}

TEST_F(GuestDevicesTest, WhatDoesNotComeBackFromTheMachineIsTold) {
  const std::string folder = "/sys/bus/pci/devices/";
  tree_.AddBytes(folder + "0000:08:00.0/config", std::vector<std::byte>(64, std::byte{0xff}));
  // A virtual function: no ids, but the rest.
  std::vector<std::byte> function(64, std::byte{0xff});
  function[4] = function[5] = std::byte{0};
  tree_.AddBytes(folder + "0000:08:00.1/config", function);
  tree_.AddBytes(folder + "0000:09:00.0/config", std::vector<std::byte>(4, std::byte{0xff}));
  const std::vector<LostDevice> lost = devices_->CloseAll();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].address, kFirst);
  EXPECT_THAT(lost[0].why.message(), testing::HasSubstr("0000:08:00.0: did not come back"));
  EXPECT_EQ(kernel_.count("open /dev/iommu"), kernel_.count("close /dev/iommu"));
}

TEST_F(GuestDevicesTest, AnEmulatedDiskComesAndItsImageIsFreeWhenItHasGone) {
  const test::TempFolder folder(test::OnDisk());
  virtio::BlkOptions disk;
  disk.image.file = folder.path() + "/disk";
  std::ofstream(disk.image.file) << std::string(4096, 'x');
  ASSERT_THAT(devices_->Add(EmulatedRequest(disk), ""), IsOk());
  EXPECT_THAT(devices_->Add(EmulatedRequest(disk), "disk0"), test::FailsWith(base::Code::kUsage));
  EXPECT_THAT(devices_->Add(EmulatedRequest(disk), "first"), test::FailsWith(base::Code::kUsage));
  EXPECT_THAT(devices_->Add(EmulatedRequest(RngOptions{}), ""),
              test::FailsWith(base::Code::kUnfit));
  EXPECT_THAT(virtio::OpenImage(disk.image), test::FailsWith(base::Code::kInUse));
  // As a processor has it in the middle of an access.
  const auto held = devices_->emulated().all().front().function;
  ASSERT_THAT(devices_->Remove("disk0", std::chrono::seconds(0)), IsOk());
  RunUntilGone(1);
  EXPECT_THAT(gone_, ElementsAre("disk0"));
  EXPECT_EQ(held->ReadBar(0x1000, Width::k4), 0u);
  EXPECT_THAT(virtio::OpenImage(disk.image), IsOk());
  EXPECT_EQ(devices_->emulated_stats().size(), 1u);
}

std::string ReadAll(const std::string& path) { return std::move(*base::ReadFile(path)); }

TEST_F(GuestDevicesTest, AConsoleAddsToItsFile) {
  const test::TempFolder folder;
  const std::string file = folder.path() + "/console";
  std::ofstream(file) << "before ";
  ASSERT_THAT(devices_->Add(EmulatedRequest(ConsoleRequest{file}), ""), IsOk());
  EXPECT_EQ(devices_->ids().at("console0"), "console0");
  // It is not where the terminal's input goes.
  const uint8_t key = 'x';
  EXPECT_EQ(devices_->emulated().ConsoleInput({&key, 1}), std::nullopt);
  devices_->emulated().ResizeConsole(80, 25);
  // The emergency write of a guest without a driver (virtio 1.2, 5.3.6.2).
  devices_->emulated().all().front().function->WriteBar(0x2008, Width::k4, 'x');
  ASSERT_THAT(devices_->Remove("console0", std::chrono::seconds(0)), IsOk());
  RunUntilGone(1);
  EXPECT_EQ(ReadAll(file), "before x");
}

TEST_F(GuestDevicesTest, AConsoleNeedsAFileThatTakesOutput) {
  const test::TempFolder folder;
  const auto add = [&](const std::string& file) {
    return devices_->Add(EmulatedRequest(ConsoleRequest{file}), "");
  };
  const std::string fifo = folder.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(add(fifo), test::FailsWith(base::Code::kUnfit, testing::HasSubstr("nobody reads")));
  EXPECT_THAT(add("/nowhere/console"), test::FailsWith(base::Code::kNotFound));
  EXPECT_THAT(add(folder.path()), testing::Not(IsOk()));
  EXPECT_THAT(devices_->ids(), testing::Not(testing::Contains(testing::Key("console0"))));
}

TEST_F(GuestDevicesTest, WhatCannotBeMadeLeavesItsPortFree) {
  virtio::BlkOptions disk;
  disk.image.file = "/nowhere/disk";
  EXPECT_THAT(devices_->Add(EmulatedRequest(disk), ""), test::FailsWith(base::Code::kNotFound));
  EXPECT_THAT(devices_->Add(EmulatedRequest(RngOptions{}), "", uint8_t{2}), IsOk());
  EXPECT_EQ(devices_->ids().at("rng0"), "rng0");
}

}  // namespace
}  // namespace vmm
