// Every byte of configuration space, in every width, under every policy, beside the model.
#include "tests/support/config_model.h"

#include <random>

#include "tests/support/assigned_fixture.h"
#include "vmm/assigned/device.h"

namespace vmm::assigned {
namespace {

using test::kVendorAt;

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
  const test::ConfigKinds model = test::EndpointConfigKinds(true);
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
        }
        test::ApplyGuestWrite(model, strict, offset, width, value, expected);
        vendor += any_vendor ? 1 : 0;
        unowned += any_unowned ? 1 : 0;
        denied += strict && (any_vendor || any_unowned) ? 1 : 0;
        SetConfig(offset, static_cast<Width>(width), value);
        std::vector<std::byte> found = fake.Config(0, 4096);
        test::AdoptCommand(found, expected);
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
  const test::ConfigKinds model = test::EndpointConfigKinds(true);
  for (unsigned offset = 0; offset < 4096; ++offset) {
    if (model[offset] == 'o' || offset == 6) continue;
    ASSERT_EQ(Config(offset, Width::k1), fake.ConfigValue(offset, 1)) << std::hex << offset;
  }
}

}  // namespace
}  // namespace vmm::assigned
