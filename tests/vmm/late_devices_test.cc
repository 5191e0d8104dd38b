// Devices that come to a machine that runs, one at a time, while it goes on.
#include <gmock/gmock.h>
#include <linux/vfio.h>

#include <future>
#include <thread>

#include "tests/support/fake_function.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_tree.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/fake_vfio_host.h"
#include "tests/support/matchers.h"
#include "vmm/guest_devices.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::IsEmpty;

constexpr sysfs::PciAddress kFirst{0, 8, 0, 0};
constexpr sysfs::PciAddress kOnBus0{0, 9, 0, 0};

// A machine without a device from the start, whose first one waits for all of its RAM.
class FirstDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    host_.Add(first_, 14);
    host_.Add(second_, 15);
    tree_.AddFile("/proc/self/status", "CapEff:\t0000000000004000\n");  // CAP_IPC_LOCK
    plan_.layout = test::LayoutWithWindows();
    plan_.layout.ram = {{0, 2 * base::kMiB}};
    plan_.ports = {{1, 1}, {2, 2}};
    loop_ = std::move(*EventLoop::Create());
    memory_.emplace(std::move(*GuestMemory::Create(plan_.layout.ram)));
    GuestDevices::Wiring wiring;
    wiring.kernel = &kernel_;
    wiring.tree = &tree_;
    wiring.loop = loop_.get();
    wiring.link = wiring.unlink = [](int) -> base::Status { return {}; };
    auto made = GuestDevices::Create(std::move(wiring), {}, plan_, *memory_, nullptr);
    ASSERT_THAT(made, IsOk());
    devices_ = std::move(*made);
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
  void HoldThePinning() {
    host_.OnMap([this] {
      begun_.set_value();
      go_on_.get_future().wait();
    });
  }
  // As long as the kernel resets it.
  void HoldTheOpening(test::FakeVfioDevice& device) {
    device.Tamper(VFIO_DEVICE_GET_INFO, [this](void*, int result) {
      begun_.set_value();
      go_on_.get_future().wait();
      return result;
    });
  }
  void AddAndWait(const sysfs::PciAddress& device, const std::string& id) {
    awaited_ = done_.size() + 1;
    AddLater(device, id);
    ASSERT_THAT(loop_->Run(), IsOk());
    ASSERT_THAT(done_.back(), IsOk());
  }

  test::ScriptedKernel kernel_;
  test::FakeTree tree_;
  test::FakeVfioDevice first_{kFirst};
  test::FakeVfioDevice second_{kOnBus0};
  test::FakeVfioHost host_{kernel_, tree_};
  MachinePlan plan_;
  std::unique_ptr<EventLoop> loop_;
  std::optional<GuestMemory> memory_;
  std::vector<base::Status> done_;
  size_t awaited_ = 0;
  std::promise<void> begun_;
  std::promise<void> go_on_;
  std::unique_ptr<GuestDevices> devices_;
};

TEST_F(FirstDeviceTest, TheLoopGoesOnWhileItsMemoryIsPinned) {
  HoldThePinning();
  awaited_ = 3;
  AddLater(kFirst, "first");
  AddLater(kOnBus0, "second");
  AddLater(kOnBus0, "first");
  std::thread other([this] {
    begun_.get_future().wait();
    loop_->Post([this] {
      EXPECT_THAT(done_, IsEmpty());
      EXPECT_THAT(devices_->ids(), IsEmpty());
      // Its port and id are taken.
      EXPECT_THAT(devices_->Add(EmulatedRequest(RngOptions{}), "first"),
                  test::FailsWith(base::Code::kUsage));
      EXPECT_THAT(devices_->Add(EmulatedRequest(RngOptions{}), "", uint8_t{1}),
                  test::FailsWith(base::Code::kUnfit));
      go_on_.set_value();
    });
  });
  EXPECT_THAT(loop_->Run(), IsOk());
  other.join();
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
  std::thread other([this] {
    begun_.get_future().wait();
    loop_->Stop();
  });
  EXPECT_THAT(loop_->Run(), IsOk());
  other.join();
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
  std::thread other([this] {
    begun_.get_future().wait();
    loop_->Stop();
    go_on_.set_value();
  });
  EXPECT_THAT(loop_->Run(), IsOk());
  other.join();
  devices_->CloseRam();
  devices_.reset();
  EXPECT_THAT(done_, IsEmpty());
}

// A device that does not come back from its reset keeps the kernel for a minute.
TEST_F(FirstDeviceTest, TheLoopGoesOnWhileADeviceIsOpened) {
  AddAndWait(kFirst, "first");
  HoldTheOpening(second_);
  awaited_ = 2;
  AddLater(kOnBus0, "second");
  std::thread other([this] {
    begun_.get_future().wait();
    loop_->Post([this] {
      EXPECT_EQ(done_.size(), 1u);
      EXPECT_EQ(devices_->ids().size(), 1u);
      go_on_.set_value();
    });
  });
  EXPECT_THAT(loop_->Run(), IsOk());
  other.join();
  EXPECT_THAT(done_.back(), IsOk());
  EXPECT_EQ(devices_->ids().size(), 2u);
}

// What it will reach stays mapped.
TEST_F(FirstDeviceTest, TheLastOtherDeviceLeavesMeanwhile) {
  AddAndWait(kFirst, "first");
  HoldTheOpening(second_);
  awaited_ = 2;
  AddLater(kOnBus0, "second");
  std::thread other([this] {
    begun_.get_future().wait();
    loop_->Post([this] {
      EXPECT_THAT(devices_->Remove("first", std::chrono::seconds(0)), IsOk());
      loop_->Post([this] { go_on_.set_value(); });
    });
  });
  EXPECT_THAT(loop_->Run(), IsOk());
  other.join();
  EXPECT_THAT(done_.back(), IsOk());
  EXPECT_EQ(devices_->ids().count("0000:09:00.0"), 1u);
  EXPECT_EQ(host_.maps().size(), 1u);
}

}  // namespace
}  // namespace vmm
