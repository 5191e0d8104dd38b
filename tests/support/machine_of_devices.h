// A machine that is between two boards, with its loop and RAM, and fake devices that may join it:
// what tests of GuestDevices have in common.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <utility>

#include "tests/support/fake_function.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_tree.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/fake_vfio_host.h"
#include "tests/support/matchers.h"
#include "vmm/guest_devices.h"

namespace test {

class MachineOfDevices : public testing::Test {
 protected:
  MachineOfDevices() {
    plan_.layout = LayoutWithWindows();
    plan_.layout.ram = {{0, 2 * base::kMiB}};
    plan_.ports = {{1, 1}, {2, 2}};
    wiring_.kernel = &kernel_;
    wiring_.tree = &tree_;
    wiring_.loop = loop_.get();
    wiring_.link = wiring_.unlink = [](int) -> base::Status { return {}; };
  }
  // With plan_ and wiring_ as they are by then; devices of the plan have been added to host_.
  void Make() {
    auto made = vmm::GuestDevices::Create(std::move(wiring_), {}, plan_, memory_, nullptr);
    ASSERT_THAT(made, IsOk());
    devices_ = std::move(*made);
  }
  void TearDown() override { devices_.reset(); }

  static constexpr sysfs::PciAddress kFirst{0, 8, 0, 0};
  static constexpr sysfs::PciAddress kSecond{0, 8, 0, 1};
  static constexpr sysfs::PciAddress kOnBus0{0, 9, 0, 0};

  ScriptedKernel kernel_;
  FakeTree tree_;
  FakeVfioDevice first_{kFirst};
  FakeVfioDevice second_{kSecond};
  FakeVfioDevice on_bus0_{kOnBus0};
  FakeVfioHost host_{kernel_, tree_};
  vmm::MachinePlan plan_;
  std::unique_ptr<vmm::EventLoop> loop_ = std::move(*vmm::EventLoop::Create());
  vmm::GuestMemory memory_ =
      std::move(*vmm::GuestMemory::Create(std::vector<base::Range>{{0, 2 * base::kMiB}}));
  vmm::GuestDevices::Wiring wiring_;
  std::unique_ptr<vmm::GuestDevices> devices_;
};

}  // namespace test
