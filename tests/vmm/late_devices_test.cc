// Devices that come to a machine that runs, one at a time, while it goes on.
#include <gmock/gmock.h>
#include <linux/vfio.h>

#include <future>
#include <thread>

#include "tests/support/machine_of_devices.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::IsEmpty;

// A machine without a device from the start, whose first one waits for all of its RAM.
class FirstDeviceTest : public test::MachineOfDevices {
 protected:
  void SetUp() override {
    host_.Add(first_, 14);
    host_.Add(on_bus0_, 15);
    tree_.AddFile("/proc/self/status", "CapEff:\t0000000000004000\n");  // CAP_IPC_LOCK
    Make();
  }
  static AssignRequest Request(const sysfs::PciAddress& device, const std::string& id) {
    AssignRequest request;
    request.host = device;
    request.id = id;
    return request;
  }
  void AddLater(const sysfs::PciAddress& device, const std::string& id) {
    devices_->AddLater(Request(device, id), {}, [this](const base::Status& done) {
      done_.push_back(done);
      if (done_.size() == awaited_) loop_->Stop();
    });
  }

  // It has begun with begun_, and goes on with go_on_.
  void Hold() {
    begun_.set_value();
    go_on_.get_future().wait();
  }
  void HoldThePinning() {
    host_.OnMap([this] { Hold(); });
  }
  // Runs the loop, in which MEANWHILE is done once what is held has begun.
  void RunWith(std::function<void()> meanwhile) {
    std::thread other([this, &meanwhile] {
      begun_.get_future().wait();
      loop_->Post(std::move(meanwhile));
    });
    EXPECT_THAT(loop_->Run(), IsOk());
    other.join();
  }
  // The second device is opened, which lasts as long as the kernel resets it, beside the first.
  void OpenSecondWith(std::function<void()> meanwhile) {
    awaited_ = 1;
    AddLater(kFirst, "first");
    ASSERT_THAT(loop_->Run(), IsOk());
    ASSERT_THAT(done_.back(), IsOk());
    on_bus0_.Tamper(VFIO_DEVICE_GET_INFO, [this](void*, int result) {
      Hold();
      return result;
    });
    awaited_ = 2;
    AddLater(kOnBus0, "second");
    RunWith(std::move(meanwhile));
    EXPECT_THAT(done_.back(), IsOk());
  }

  std::vector<base::Status> done_;
  size_t awaited_ = 0;
  std::promise<void> begun_;
  std::promise<void> go_on_;
};

TEST_F(FirstDeviceTest, TheLoopGoesOnWhileItsMemoryIsPinned) {
  HoldThePinning();
  awaited_ = 3;
  AddLater(kFirst, "first");
  AddLater(kOnBus0, "second");
  AddLater(kOnBus0, "first");
  RunWith([this] {
    EXPECT_THAT(done_, IsEmpty());
    EXPECT_THAT(devices_->ids(), IsEmpty());
    // Its port and id are taken.
    EXPECT_THAT(devices_->Add(EmulatedRequest(RngOptions{}), "first"),
                test::FailsWith(base::Code::kUsage));
    EXPECT_THAT(devices_->Add(EmulatedRequest(RngOptions{}), "", uint8_t{1}),
                test::FailsWith(base::Code::kUnfit));
    go_on_.set_value();
  });
  ASSERT_EQ(done_.size(), 3u);
  EXPECT_THAT(done_[0], IsOk());
  EXPECT_THAT(done_[1], IsOk());
  EXPECT_THAT(done_[2], test::FailsWith(base::Code::kUsage));
  EXPECT_EQ(devices_->ids().at("0000:08:00.0"), "first");
  EXPECT_EQ(host_.maps().size(), 1u);
}

TEST_F(FirstDeviceTest, WhatCannotBePinnedLeavesNothing) {
  host_.SetAllowed({{0, 0xfff}});
  awaited_ = 1;
  AddLater(kFirst, "first");
  EXPECT_THAT(loop_->Run(), IsOk());
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_FALSE(done_[0]);
  EXPECT_THAT(host_.maps(), IsEmpty());
  host_.SetAllowed({{0, (uint64_t{1} << 39) - 1}});
  EXPECT_THAT(devices_->Add(Request(kFirst, "first")), IsOk());
  EXPECT_EQ(devices_->dma_maps(), 1u);
}

TEST_F(FirstDeviceTest, ARebootWaitsForIt) {
  HoldThePinning();
  AddLater(kFirst, "first");
  RunWith([this] { loop_->Stop(); });
  go_on_.set_value();
  EXPECT_THAT(devices_->Restart(), IsOk());
  EXPECT_EQ(devices_->ids().size(), 1u);
  EXPECT_THAT(done_, IsEmpty()) << "told within the reboot";
  awaited_ = 1;
  EXPECT_THAT(loop_->Run(), IsOk());
  EXPECT_THAT(done_[0], IsOk());
}

TEST_F(FirstDeviceTest, TheEndWaitsForIt) {
  HoldThePinning();
  AddLater(kFirst, "first");
  RunWith([this] {
    loop_->Stop();
    go_on_.set_value();
  });
  devices_->CloseRam();
  devices_.reset();
  EXPECT_THAT(done_, IsEmpty());
}

// A device that does not come back from its reset keeps the kernel for a minute.
TEST_F(FirstDeviceTest, TheLoopGoesOnWhileADeviceIsOpened) {
  OpenSecondWith([this] {
    EXPECT_EQ(done_.size(), 1u);
    EXPECT_EQ(devices_->ids().size(), 1u);
    go_on_.set_value();
  });
  EXPECT_EQ(devices_->ids().size(), 2u);
}

// What it will reach stays mapped.
TEST_F(FirstDeviceTest, TheLastOtherDeviceLeavesMeanwhile) {
  OpenSecondWith([this] {
    EXPECT_THAT(devices_->Remove("first", std::chrono::seconds(0)), IsOk());
    loop_->Post([this] { go_on_.set_value(); });
  });
  EXPECT_EQ(devices_->ids().count("0000:09:00.0"), 1u);
  EXPECT_EQ(host_.maps().size(), 1u);
}

}  // namespace
}  // namespace vmm
