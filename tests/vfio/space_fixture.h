// A scripted host with two drives and page-aligned memory, for the tests of DMA spaces.
#pragma once

#include <gmock/gmock.h>

#include <array>
#include <span>
#include <string>

#include "tests/support/fake_kernel.h"
#include "tests/support/fake_tree.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/fake_vfio_host.h"
#include "tests/support/matchers.h"
#include "vfio/device.h"
#include "vfio/dma_space.h"

namespace vfio {

inline constexpr sysfs::PciAddress kNvme{0, 8, 0, 0};
inline constexpr sysfs::PciAddress kSibling{0, 8, 0, 1};  // in the group of kNvme
inline constexpr sysfs::PciAddress kOther{0, 9, 0, 0};    // in a group of its own

// A whole scripted host; a test that starts anew makes a second one.
struct Host {
  explicit Host(bool cdevs = true) : vfio(kernel, tree, cdevs) {
    vfio.Add(nvme, 14);
    vfio.Add(sibling, 14);
    vfio.Add(other, 15);
  }

  test::ScriptedKernel kernel;
  test::FakeTree tree;
  test::FakeVfioDevice nvme{kNvme};
  test::FakeVfioDevice sibling{kSibling};
  test::FakeVfioDevice other{kOther};
  test::FakeVfioHost vfio;
};

class SpaceTest : public testing::Test {
 protected:
  std::unique_ptr<DmaSpace> Open(Backend backend) {
    auto space = OpenSpace(host_.kernel, host_.tree, backend);
    EXPECT_THAT(space, test::IsOk());
    return std::move(*space);
  }

  // Links are recorded by the file that the descriptor is of.
  KvmLink link_ = [this](int) -> base::Status {
    ++links_;
    return {};
  };
  std::span<std::byte> memory() { return memory_; }

  Host host_;
  int links_ = 0;

 private:
  alignas(4096) std::array<std::byte, 0x4000> memory_{};
};

}  // namespace vfio
