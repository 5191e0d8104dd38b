// Devices from their description: a good one works, and no reply of a kernel does harm.
#include "tests/support/device_text.h"

#include "tests/support/assigned_fixture.h"
#include "tests/support/random_input.h"

namespace {

using test::FailsWith;
using test::IsOk;

constexpr std::string_view kDrive = R"(
  config 0x00: 36 1b 10 00 00 00 10 00 02 02 08 01
  config 0x10: 04 00 00 fe 12 00 00 00   # 64 bits
  capability 11 0x40: 03 00 00 20 00 00 00 30 00 00
  capability 10 0x60: 02 00 00 80 00 10
  extended 0001 0x100: 00 00 00 00
  region 0 0x4000 rw map
  area 0 0x0 0x2000
  irq msix 4 eventfd noresize
)";

class DeviceTextTest : public testing::Test {
 protected:
  base::Result<std::shared_ptr<vmm::assigned::AssignedDevice>> Open(std::string_view text) {
    test::Describe(fake, text);
    auto device = fake.Open(kernel);
    if (!device) return base::Failure(device.error());
    return vmm::assigned::AssignedDevice::Create(std::move(*device));
  }
  test::ScriptedKernel kernel;
  test::FakeVfioDevice fake;
};

TEST_F(DeviceTextTest, ADriveFromItsDescription) {
  const auto device = Open(kDrive);
  ASSERT_THAT(device, IsOk());
  const vmm::assigned::ConfigPlan& plan = (*device)->plan();
  EXPECT_EQ(plan.msix, (vmm::assigned::MsixLayout{0x40, 4, 0, 0x2000, 0, 0x3000}));
  EXPECT_EQ((*device)->bars().at(0).size, 0x4000u);
  EXPECT_EQ((*device)->ReadConfig(0x34, vmm::Width::k1), 0x40u);
  EXPECT_EQ((*device)->ReadConfig(0x41, vmm::Width::k1), 0x60u);
  EXPECT_EQ((*device)->ReadConfig(0x100, vmm::Width::k2), 1u);
  ASSERT_EQ(plan.resets.size(), 1u);
}

struct Hostile {
  std::string_view line;
  bool opens;
};

class HostileReplyTest : public DeviceTextTest, public testing::WithParamInterface<Hostile> {};

INSTANTIATE_TEST_SUITE_P(
    Replies, HostileReplyTest,
    testing::Values(
        Hostile{"hostile region 0 size 0xffffffffffffffff", false},
        Hostile{"hostile region 0 offset 0xffffffffffff0000", false},
        Hostile{"hostile region 0 size 0x7000000000000000", true},
        Hostile{"hostile region 0 size 3", false}, Hostile{"hostile region 0 size 0", false},
        Hostile{"hostile region 0 flags 0xffffffff", true},
        Hostile{"hostile region 2 chain loop", false},
        Hostile{"hostile region 0 chain short", false},
        Hostile{"hostile region 2 chain grows", true},
        Hostile{"hostile region 2 argsz 0xffffffff", false},
        Hostile{"hostile region 0 cap_offset 8", false},
        Hostile{"hostile region 6 size 0x4000000000000000", true},
        Hostile{"hostile region 7 size 16", false},
        Hostile{"hostile info regions 0xffffffff", true},
        Hostile{"hostile info irqs 0xffffffff", true}, Hostile{"hostile info regions 0", false},
        Hostile{"hostile info irqs 0", true}, Hostile{"hostile info flags 0", false},
        Hostile{"hostile irq msix count 0xffffffff", true},
        Hostile{"hostile irq msi count 0xffffffff", true},
        Hostile{"hostile set-irqs 0x7fffffff", true}, Hostile{"hostile set-irqs 1", true}));

TEST_P(HostileReplyTest, IsAnErrorOrADeviceThatWorks) {
  base::SetLogLevel(base::Level::kError);
  const auto device = Open(std::string(kDrive) + "\n" + std::string(GetParam().line));
  base::SetLogLevel(base::Level::kInfo);
  EXPECT_EQ(device.has_value(), GetParam().opens) << (device ? "" : device.error().message());
  if (!device) return;
  for (uint16_t at = 0; at < 4096; ++at) (*device)->WriteConfig(at, vmm::Width::k1, 0xff);
  for (const vmm::pci::BarInfo& bar : (*device)->bars()) EXPECT_LE(bar.size, uint64_t{1} << 46);
}

// Any field of any reply, any number of them.
TEST_F(DeviceTextTest, RandomRepliesDoNoHarm) {
  base::SetLogLevel(base::Level::kError);
  std::mt19937_64 random(42);
  uint64_t answers = 0, opened = 0;
  const uint64_t wanted = test::Effort(100000);
  test::Describe(fake, kDrive);
  test::Describe(fake, "region 6 0x10000 r\nirq msi 8 eventfd");
  const auto damage = [&](std::byte* reply, size_t first, size_t size) {
    ++answers;
    if (random() % 24 != 0) return;
    for (unsigned i = 0; i <= random() % 3; ++i) {
      const uint64_t value = random() % 2 == 0 ? random() : uint64_t{1} << random() % 64;
      const size_t width = size_t{1} << random() % 4;
      const size_t at = first + random() % (size - first);
      std::memcpy(reply + at, &value, std::min(width, size - at));
    }
  };
  const auto tamper = [&](unsigned long request, size_t size) {
    fake.Tamper(request, [&, size](void* reply, int result) {
      damage(static_cast<std::byte*>(reply), 4, size);
      return random() % 200 == 0 ? -static_cast<int>(random() % 133 + 1) : result;
    });
  };
  tamper(VFIO_DEVICE_GET_INFO, sizeof(::vfio_device_info));
  tamper(VFIO_DEVICE_GET_REGION_INFO, sizeof(::vfio_region_info));
  tamper(VFIO_DEVICE_GET_IRQ_INFO, sizeof(::vfio_irq_info));
  fake.Tamper(VFIO_DEVICE_SET_IRQS, [&](void*, int result) {
    ++answers;
    return random() % 8 == 0 ? static_cast<int>(random() % 64) - 32 : result;
  });
  while (answers < wanted) {
    auto device = fake.Open(kernel);
    if (!device) continue;
    const auto assigned = vmm::assigned::AssignedDevice::Create(std::move(*device));
    if (!assigned) continue;
    ++opened;
    for (const vmm::pci::BarInfo& bar : (*assigned)->bars()) {
      ASSERT_TRUE(std::has_single_bit(bar.size));
    }
    (*assigned)->WriteConfig(0x68, vmm::Width::k2, 0x8000);
    (*assigned)->ReadConfig(0, vmm::Width::k4);
  }
  base::SetLogLevel(base::Level::kInfo);
  EXPECT_GT(opened, wanted / 200);
}

}  // namespace
