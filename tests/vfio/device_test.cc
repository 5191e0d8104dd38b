#include "vfio/device.h"

#include <gmock/gmock.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sysfs/base/bits.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/matchers.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::FakeVfioDevice;
using test::IsOk;
using test::ScriptedKernel;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kIntxFlags =
    VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;

class DeviceTest : public testing::Test {
 protected:
  Device Make() {
    auto device = fake_.Open(kernel_);
    EXPECT_THAT(device, IsOk());
    return std::move(*device);
  }

  ScriptedKernel kernel_;
  FakeVfioDevice fake_;
};

TEST_F(DeviceTest, RefusesADeviceThatIsNotPci) {
  base::Fd fd = kernel_.MakeFile("platform", 0, [](unsigned long, void* argument, auto) {
    static_cast<::vfio_device_info*>(argument)->flags = VFIO_DEVICE_FLAGS_PLATFORM;
    return 0;
  });
  EXPECT_THAT(Device::Create(kernel_, {0, 8, 0, 0}, std::move(fd)),
              FailsWith(Code::kUnsupported, HasSubstr("0000:08:00.0")));
  EXPECT_THAT(kernel_.open_files(), IsEmpty());
}

TEST_F(DeviceTest, RefusesADeviceWithoutConfigSpace) {
  fake_.SetConfigSize(64);
  EXPECT_THAT(fake_.Open(kernel_), FailsWith(Code::kKernel, HasSubstr("configuration space")));
  EXPECT_THAT(kernel_.open_files(), IsEmpty());
}

TEST_F(DeviceTest, EveryFailureOfReadingInIsNamedAndClosesTheDevice) {
  fake_.AddRegion(kBar0Region, 0x4000, test::kReadWriteMap);
  Make();
  const auto calls = static_cast<unsigned>(kernel_.journal().size()) - 1;  // without the close
  for (unsigned n = 1; n <= calls; ++n) {
    kernel_.FailCall(n, EIO);
    const auto device = fake_.Open(kernel_);
    EXPECT_THAT(device, FailsWith(Code::kKernel, HasSubstr("0000:08:00.0: VFIO_DEVICE_GET_"))) << n;
    EXPECT_THAT(kernel_.open_files(), IsEmpty()) << n;
  }
}

TEST_F(DeviceTest, ManyMoreRegionsThanAnyDeviceHasAreLeftOut) {
  unsigned region_calls = 0;
  base::Fd fd = kernel_.MakeFile("odd", 4096, [&](unsigned long request, void* argument, auto) {
    if (request == VFIO_DEVICE_GET_INFO) {
      auto* info = static_cast<::vfio_device_info*>(argument);
      info->flags = VFIO_DEVICE_FLAGS_PCI;
      info->num_regions = info->num_irqs = UINT32_MAX;
      return 0;
    }
    if (request != VFIO_DEVICE_GET_REGION_INFO) return -EINVAL;
    ++region_calls;
    static_cast<::vfio_region_info*>(argument)->size = 4096;
    return 0;
  });
  EXPECT_THAT(Device::Create(kernel_, {}, std::move(fd)), IsOk());
  EXPECT_LE(region_calls, 256u);
}

TEST_F(DeviceTest, AReplyThatGrowsForEverEnds) {
  base::Fd fd = kernel_.MakeFile("odd", 4096, [&](unsigned long request, void* argument, auto) {
    if (request == VFIO_DEVICE_GET_INFO) {
      auto* info = static_cast<::vfio_device_info*>(argument);
      info->flags = VFIO_DEVICE_FLAGS_PCI;
      info->num_regions = 8;
      return 0;
    }
    auto* info = static_cast<::vfio_region_info*>(argument);
    info->argsz = info->argsz > 2000 ? UINT32_MAX : info->argsz + 1000;
    info->size = 4096;
    return 0;
  });
  EXPECT_THAT(Device::Create(kernel_, {}, std::move(fd)), IsOk());
  EXPECT_EQ(kernel_.count("VFIO_DEVICE_GET_REGION_INFO"), 24u);
}

TEST_F(DeviceTest, AHugeReplyIsRefused) {
  base::Fd fd = kernel_.MakeFile("odd", 4096, [&](unsigned long request, void* argument, auto) {
    if (request == VFIO_DEVICE_GET_INFO) {
      auto* info = static_cast<::vfio_device_info*>(argument);
      info->flags = VFIO_DEVICE_FLAGS_PCI;
      info->num_regions = 8;
      return 0;
    }
    static_cast<::vfio_region_info*>(argument)->argsz = UINT32_MAX;
    return 0;
  });
  EXPECT_THAT(Device::Create(kernel_, {}, std::move(fd)), FailsWith(Code::kKernel));
}

TEST_F(DeviceTest, KeepsRegionsByIndex) {
  fake_.AddRegion(2, 0x8000, test::kReadWriteMap, {{0, 0x1000}, {0x2000, 0x6000}}, true);
  const Device device = Make();
  EXPECT_EQ(device.region(kBar0Region), nullptr);
  EXPECT_EQ(device.region(kVgaRegion), nullptr);
  EXPECT_EQ(device.region(1000), nullptr);
  const Region* bar = device.region(2);
  ASSERT_NE(bar, nullptr);
  EXPECT_EQ(bar->index, 2u);
  EXPECT_TRUE(bar->msix_mappable);
  EXPECT_THAT(bar->areas, ElementsAre(Area{0, 0x1000}, Area{0x2000, 0x6000}));
  ASSERT_NE(device.region(kConfigRegion), nullptr);
  EXPECT_EQ(device.region(kConfigRegion)->size, 4096u);
}

TEST_F(DeviceTest, KnowsItsInterruptsAndReset) {
  fake_.AddIrq(kIntxIrq, 1, kIntxFlags);
  fake_.AddIrq(kMsixIrq, 8, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
  fake_.SetResettable(false);
  const Device device = Make();
  EXPECT_TRUE(device.irq(kIntxIrq).automasked);
  EXPECT_TRUE(device.irq(kIntxIrq).maskable);
  EXPECT_EQ(device.irq(kMsixIrq).count, 8u);
  EXPECT_TRUE(device.irq(kMsixIrq).no_resize);
  EXPECT_EQ(device.irq(kMsiIrq).count, 0u);
  EXPECT_EQ(device.irq(1000).count, 0u);
  EXPECT_FALSE(device.resettable());
  EXPECT_THAT(device.Reset(), FailsWith(Code::kUnsupported));
  EXPECT_EQ(fake_.resets(), 0u);
}

TEST_F(DeviceTest, TransfersStayInsideTheRegion) {
  fake_.AddRegion(0, 0x100, test::kReadWrite);
  const Device device = Make();
  std::array<std::byte, 4> four{};
  EXPECT_THAT(device.Read(0, 0xfd, four), FailsWith(Code::kInternal, HasSubstr("region 0")));
  EXPECT_THAT(device.Write(0, 0x100, four), FailsWith(Code::kInternal));
  EXPECT_THAT(device.Read(0, UINT64_MAX, four), FailsWith(Code::kInternal));
  EXPECT_THAT(device.Read(3, 0, four), FailsWith(Code::kInternal));
  EXPECT_THAT(device.Map(0, {0, 0x1000}), FailsWith(Code::kInternal));

  base::StoreLe<uint32_t>(four, 0, 0x12345678);
  ASSERT_THAT(device.Write(0, 0xfc, four), IsOk());
  std::array<std::byte, 4> back{};
  ASSERT_THAT(device.Read(0, 0xfc, back), IsOk());
  EXPECT_EQ(back, four);
  EXPECT_THAT(fake_.RegionBytes(0, 0xfc, 4), ElementsAre(four[0], four[1], four[2], four[3]));
}

TEST_F(DeviceTest, AMappedAreaIsTheRegionAtItsOffset) {
  fake_.AddRegion(2, 0x200000, test::kReadWriteMap);
  const Device device = Make();
  auto mapping = device.Map(2, {0x3000, 0x2000});
  ASSERT_THAT(mapping, IsOk());
  ASSERT_EQ(mapping->bytes().size(), 0x2000u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(mapping->bytes().data()) % 0x200000, 0x3000u);
  mapping->bytes()[4] = std::byte{0x5a};
  EXPECT_THAT(fake_.RegionBytes(2, 0x3004, 1), ElementsAre(std::byte{0x5a}));
}

TEST_F(DeviceTest, ConnectsEventsToVectors) {
  fake_.AddIrq(kMsixIrq, 4, VFIO_IRQ_INFO_EVENTFD);
  const Device device = Make();
  const std::array<int, 2> events = {31, -1};
  ASSERT_THAT(device.SetTriggers(kMsixIrq, 1, events), IsOk());
  EXPECT_EQ(fake_.trigger(kMsixIrq, 1), 31);
  EXPECT_EQ(fake_.trigger(kMsixIrq, 2), -1);
  const std::array<int, 1> one = {32};
  EXPECT_THAT(device.SetTriggers(kMsixIrq, 4, one),
              FailsWith(Code::kKernel, HasSubstr("interrupt index 2")));
  EXPECT_THAT(device.SetTriggers(kErrorIrq, 0, one), IsOk());
  EXPECT_THAT(device.SetTriggers(kRequestIrq, 0, one), IsOk());
}

TEST_F(DeviceTest, SaysHowManyVectorsAreFree) {
  fake_.AddIrq(kMsixIrq, 8, VFIO_IRQ_INFO_EVENTFD);
  fake_.SetFreeVectors(3);
  const Device device = Make();
  const std::array<int, 5> events = {1, 2, 3, 4, 5};
  EXPECT_THAT(device.SetTriggers(kMsixIrq, 0, events),
              FailsWith(Code::kKernel, AllOf(HasSubstr("3 vectors free"), HasSubstr("5 wanted"))));
  EXPECT_EQ(device.OfferTriggers(kMsixIrq, events).value(), 3u);
  EXPECT_EQ(fake_.trigger(kMsixIrq, 0), -1);
  EXPECT_EQ(device.OfferTriggers(kMsixIrq, std::span(events).first(3)).value(), 3u);
  EXPECT_EQ(fake_.trigger(kMsixIrq, 2), 3);
}

TEST_F(DeviceTest, TakesAllVectorsAwayAndAgain) {
  fake_.AddIrq(kMsixIrq, 4, VFIO_IRQ_INFO_EVENTFD);
  const Device device = Make();
  EXPECT_THAT(device.DisableIrq(kMsixIrq), IsOk());  // none yet
  const std::array<int, 1> events = {31};
  ASSERT_THAT(device.SetTriggers(kMsixIrq, 0, events), IsOk());
  ASSERT_THAT(device.DisableIrq(kMsixIrq), IsOk());
  EXPECT_EQ(fake_.trigger(kMsixIrq, 0), -1);
  fake_.ClearIrqCalls();
  EXPECT_THAT(device.DisableIrq(kMsiIrq), IsOk());  // the device has no MSI
  EXPECT_THAT(fake_.irq_calls(), IsEmpty());
  fake_.Fail("VFIO_DEVICE_SET_IRQS", EIO);
  EXPECT_THAT(device.DisableIrq(kMsixIrq), FailsWith(Code::kKernel, HasSubstr("disable")));
}

TEST_F(DeviceTest, MasksAndUnmasksAnIntxLine) {
  fake_.AddIrq(kIntxIrq, 1, kIntxFlags);
  const Device device = Make();
  EXPECT_THAT(device.Mask(kIntxIrq), FailsWith(Code::kKernel, HasSubstr("mask")));
  const std::array<int, 1> event = {31};
  ASSERT_THAT(device.SetTriggers(kIntxIrq, 0, event), IsOk());
  fake_.ClearIrqCalls();
  EXPECT_THAT(device.Mask(kIntxIrq), IsOk());
  EXPECT_THAT(device.SetUnmaskEvent(kIntxIrq, 32), IsOk());
  EXPECT_THAT(device.Unmask(kIntxIrq), IsOk());
  const auto calls = fake_.irq_calls();
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[0].flags, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK);
  EXPECT_EQ(calls[1].flags, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK);
  EXPECT_THAT(calls[1].eventfds, ElementsAre(32));
  EXPECT_EQ(calls[2].flags, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK);
}

TEST_F(DeviceTest, ResetsAndSaysWhenItCannot) {
  const Device device = Make();
  EXPECT_THAT(device.Reset(), IsOk());
  EXPECT_EQ(fake_.resets(), 1u);
  fake_.Fail("VFIO_DEVICE_RESET", EAGAIN);
  EXPECT_THAT(device.Reset(), FailsWith(Code::kKernel, HasSubstr("0000:08:00.0")));
}

}  // namespace
}  // namespace vfio
