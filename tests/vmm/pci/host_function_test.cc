#include "vmm/pci/host_function.h"

#include <gmock/gmock.h>

#include "tests/support/fake_router.h"
#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

TEST(HostFunction, IsAHostBridgeWithoutBars) {
  HostFunction function;
  EXPECT_EQ(function.ReadConfig(header::kRevision, Width::k4), 0x06000000u);
  EXPECT_NE(function.ReadConfig(header::kVendor, Width::k2), 0xffffu);
  EXPECT_EQ(function.ReadConfig(header::kType, Width::k1), 0u);
  EXPECT_TRUE(function.bars().empty());
  for (uint16_t at = header::kBar0; at < kBarsEnd; at = static_cast<uint16_t>(at + 4)) {
    EXPECT_TRUE(function.WriteConfig(at, Width::k4, 0xffffffff).empty());
    EXPECT_EQ(function.ReadConfig(at, Width::k4), 0u);
  }
  EXPECT_EQ(function.ReadConfig(0x100, Width::k4), 0xffffffffu);
  EXPECT_FALSE(function.ApplyBar({}, {}).has_value());
}

TEST(HostFunction, ConnectForgetsWhatTheGuestWrote) {
  HostFunction function;
  test::FakeRouter router;
  function.WriteConfig(header::kCommand, Width::k2, 0xffff);
  EXPECT_EQ(function.ReadConfig(header::kCommand, Width::k2),
            unsigned{kCommandMemory | kCommandMaster});
  ASSERT_TRUE(function.Connect(router).has_value());
  EXPECT_EQ(function.ReadConfig(header::kCommand, Width::k2), 0u);
}

}  // namespace
}  // namespace vmm::pci
