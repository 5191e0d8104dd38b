// Every byte of configuration space, in every width, under every policy, beside a model that is
// written down register by register and shares nothing with the code.
#include <random>

#include "tests/support/assigned_fixture.h"
#include "vmm/assigned/device.h"

namespace vmm::assigned {
namespace {

constexpr uint16_t kVendorAt = 0xc0;

// 'o' the monitor's, 'k' the kernel's, 'v' vendor-specific, 'u' nobody's.
std::string Model() {
  std::string kind(4096, 'u');
  const auto set = [&](size_t first, size_t last, char c) {
    for (size_t at = first; at <= last; ++at) kind[at] = c;
  };
  set(0x00, 0x3f, 'k');
  set(0x04, 0x05, 'o');  // command
  set(0x0e, 0x0f, 'o');  // header type, self test
  set(0x10, 0x2b, 'o');  // BARs, CardBus
  set(0x30, 0x3d, 'o');  // ROM, list, reserved, interrupt line and pin
  set(0x40, 0x47, 'k');
  set(0x40, 0x41, 'o');
  set(0x44, 0x47, 'o');  // power state
  set(0x50, 0x67, 'o');  // MSI
  set(0x70, 0xab, 'k');
  set(0x70, 0x73, 'o');  // type
  set(0x7c, 0x93, 'o');  // link, slot, root
  set(0x9c, 0xab, 'o');
  set(0xb0, 0xbb, 'o');  // MSI-X
  set(kVendorAt, kVendorAt + 15, 'v');
  set(kVendorAt, kVendorAt + 1, 'o');
  set(0x100, 0x147, 'k');
  set(0x100, 0x103, 'o');
  set(0x140, 0x147, 'o');  // ARI and SR-IOV are gone
  set(0x150, 0x18f, 'o');
  set(0x1a0, 0x1b3, 'v');
  set(0x1a0, 0x1a3, 'o');
  return kind;
}

class ConfigModelTest : public test::AssignedFixture,
                        public testing::WithParamInterface<ConfigPolicy> {
 protected:
  void StartWithVendorBytes() {
    test::MakeEndpoint(fake, {.intx = true});
    fake.SetConfigValue(test::kMsixAt + 1, kVendorAt, 1);
    fake.SetConfigValue(kVendorAt, 0x0010'0009, 4);
    fake.SetConfigValue(0x1a4, 0x0140'0001, 4);
    DeviceOptions options;
    options.config = GetParam();
    device = std::move(*AssignedDevice::Create(std::move(*fake.Open(kernel)), std::move(options)));
    bridge = pci::HostBridge::Create(test::LayoutWithWindows(), nullptr);
    ASSERT_THAT(bridge->Add(kDevfn, device), test::IsOk());
    Boot();
  }
};

INSTANTIATE_TEST_SUITE_P(Policies, ConfigModelTest,
                         testing::Values(ConfigPolicy::kStrict, ConfigPolicy::kStandard,
                                         ConfigPolicy::kPermissive),
                         [](const auto& one) { return std::string(PolicyName(one.param)); });

TEST_P(ConfigModelTest, NoForbiddenByteReachesTheDevice) {
  base::SetLogLevel(base::Level::kError);
  StartWithVendorBytes();
  const std::string model = Model();
  const bool strict = GetParam() == ConfigPolicy::kStrict;
  std::mt19937 random(11);
  uint64_t vendor = 0, unowned = 0, denied = 0;
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned offset = 0; offset < 4096; ++offset) {
      for (const unsigned width : {1u, 2u, 4u}) {
        const auto value = static_cast<uint32_t>(random());
        std::vector<std::byte> expected = fake.Config(0, 4096);
        bool any_vendor = false, any_unowned = false;
        for (unsigned i = 0; i < width && offset + i < 4096; ++i) {
          const char kind = model[offset + i];
          any_vendor |= kind == 'v';
          any_unowned |= kind == 'u';
          if (kind == 'k' || (!strict && kind != 'o')) {
            expected[offset + i] = static_cast<std::byte>(value >> (8 * i));
          }
        }
        vendor += any_vendor ? 1 : 0;
        unowned += any_unowned ? 1 : 0;
        denied += strict && (any_vendor || any_unowned) ? 1 : 0;
        SetConfig(offset, static_cast<Width>(width), value);
        std::vector<std::byte> found = fake.Config(0, 4096);
        // The list bit of the status register is ours, the rest of its byte is not.
        expected[6] = (expected[6] & ~std::byte{0x10}) | (found[6] & std::byte{0x10});
        for (const size_t at : {size_t{4}, size_t{5}}) expected[at] = found[at];
        if (found == expected) continue;
        for (size_t at = 0; at < 4096; ++at) {
          ASSERT_EQ(found[at], expected[at]) << std::hex << at << " by " << offset << "/" << width;
        }
      }
    }
  }
  const AssignedCounters counters = device->counters();
  EXPECT_EQ(counters.config_vendor, vendor);
  EXPECT_EQ(counters.config_unowned, unowned);
  EXPECT_EQ(counters.config_denied, denied);
  base::SetLogLevel(base::Level::kInfo);
}

TEST_P(ConfigModelTest, AReadIsTheHardwaresButForWhatIsOurs) {
  StartWithVendorBytes();
  const std::string model = Model();
  for (unsigned offset = 0; offset < 4096; ++offset) {
    if (model[offset] == 'o' || offset == 6) continue;
    ASSERT_EQ(Config(offset, Width::k1), fake.ConfigValue(offset, 1)) << std::hex << offset;
  }
}

}  // namespace
}  // namespace vmm::assigned
