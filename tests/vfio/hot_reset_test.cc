#include "vfio/hot_reset.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <cstring>

#include "tests/support/fake_kernel.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/matchers.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::Optional;
using testing::SizeIs;

constexpr sysfs::PciAddress kIntel{0, 5, 1, 0};
constexpr sysfs::PciAddress kRealtek{0, 5, 2, 0};

std::vector<std::byte> Reply(uint32_t flags, uint32_t count,
                             const std::vector<::vfio_pci_dependent_device>& entries) {
  ::vfio_pci_hot_reset_info info{};
  info.flags = flags;
  info.count = count;
  std::vector<std::byte> reply(sizeof info + 8 * entries.size());
  std::memcpy(reply.data(), &info, sizeof info);
  for (size_t i = 0; i < entries.size(); ++i)
    std::memcpy(reply.data() + sizeof info + 8 * i, &entries[i], 8);
  return reply;
}

TEST(ParseHotResetInfo, GroupsSayNothingOfOwnership) {
  const auto members = ParseHotResetInfo(Reply(0, 2, {{18, 0, 5, 8}, {0xffffffff, 1, 5, 0x13}}));
  ASSERT_THAT(members, IsOk());
  EXPECT_THAT(*members, ElementsAre(HotResetMember{kIntel, false},
                                    HotResetMember{sysfs::PciAddress{1, 5, 2, 3}, false}));
}

TEST(ParseHotResetInfo, NumbersTellWhatIsNotOurs) {
  const auto members =
      ParseHotResetInfo(Reply(1, 3, {{7, 0, 5, 8}, {0, 0, 5, 16}, {~0u, 0, 5, 24}}));
  ASSERT_THAT(members, IsOk());
  EXPECT_THAT(*members, ElementsAre(HotResetMember{kIntel, false}, HotResetMember{kRealtek, false},
                                    HotResetMember{sysfs::PciAddress{0, 5, 3, 0}, true}));
}

TEST(ParseHotResetInfo, RefusesMoreThanThereIs) {
  EXPECT_THAT(ParseHotResetInfo(Reply(0, 2, {{18, 0, 5, 8}})), FailsWith(Code::kKernel));
  EXPECT_THAT(ParseHotResetInfo(Reply(0, 0xffffffff, {})), FailsWith(Code::kKernel));
  EXPECT_THAT(ParseHotResetInfo({}), FailsWith(Code::kKernel));
}

class HotResetTest : public testing::Test {
 protected:
  Device Make() { return std::move(*fake_.Open(kernel_)); }

  test::ScriptedKernel kernel_;
  test::FakeVfioDevice fake_{kIntel};
};

TEST_F(HotResetTest, NoSetWithoutABridgeThatResets) {
  const auto members = Make().HotResetSet();
  ASSERT_THAT(members, IsOk());
  EXPECT_EQ(*members, std::nullopt);
  fake_.Fail("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", EIO);
  EXPECT_THAT(Make().HotResetSet(), FailsWith(Code::kKernel, testing::HasSubstr("05:01.0")));
}

TEST_F(HotResetTest, AsksAgainForALargeSet) {
  std::vector<test::FakeVfioDevice::HotMember> many;
  for (uint8_t i = 0; i < 200; ++i) many.push_back({{0, 5, 0, i}, 18});
  fake_.SetHotReset(many);
  const auto members = Make().HotResetSet();
  ASSERT_THAT(members, IsOk());
  EXPECT_THAT(*members, Optional(SizeIs(200)));
  EXPECT_EQ(kernel_.count("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO"), 2u);
}

TEST_F(HotResetTest, ProvesItselfByGroupsOrByNone) {
  fake_.SetHotReset({{kIntel, 18}, {kRealtek, 18}});
  const int group = 7;
  EXPECT_THAT(Make().HotReset({&group, 1}), IsOk());
  EXPECT_EQ(fake_.hot_groups(), 1u);
  EXPECT_THAT(Make().HotReset({}), FailsWith(Code::kKernel));
  fake_.SetHotReset({{kIntel, 1}, {kRealtek, 2}}, true);
  EXPECT_THAT(Make().HotReset({}), IsOk());
  EXPECT_EQ(fake_.hot_resets(), 2u);
}

}  // namespace
}  // namespace vfio
