#include "vmm/assigned/policy.h"

#include <gmock/gmock.h>

#include "tests/support/fake_endpoint.h"

namespace vmm::assigned {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint16_t kVendorAt = 0xc0;
constexpr uint16_t kExtendedVendorAt = 0x1a0;

class ConfigRulesTest : public testing::Test {
 protected:
  ConfigRulesTest() {
    test::MakeEndpoint(fake);
    fake.SetConfigValue(test::kMsixAt + 1, kVendorAt, 1);
    fake.SetConfigValue(kVendorAt, 0x0010'0009, 4);              // 16 bytes, the last
    fake.SetConfigValue(kExtendedVendorAt + 4, 0x0140'0001, 4);  // 20 bytes
  }
  ConfigRules Rules(ConfigPolicy policy = ConfigPolicy::kStandard, size_t size = 4096) {
    return {fake.Config(0, size), policy};
  }
  void SetDevice(uint16_t vendor, uint32_t device_class) {
    fake.SetConfigValue(0, vendor, 2);
    fake.SetConfigValue(8, device_class << 16, 4);
  }

  test::FakeVfioDevice fake;
};

TEST_F(ConfigRulesTest, EveryByteHasAKind) {
  const ConfigRules rules = Rules();
  struct Span {
    uint16_t first, last;
    ByteKind kind;
  };
  const ByteKind known = ByteKind::kKnown, vendor = ByteKind::kVendor, none = ByteKind::kUnowned;
  for (const Span& span : {
           Span{0x00, 0x47, known},
           Span{0x48, 0x4f, none},
           Span{0x50, 0x67, known},
           Span{0x68, 0x6f, none},
           Span{0x70, 0xab, known},
           Span{0xac, 0xaf, none},
           Span{0xb0, 0xbb, known},
           Span{0xbc, 0xbf, none},
           Span{0xc0, 0xcf, vendor},
           Span{0xd0, 0xff, none},
           Span{0x100, 0x147, known},
           Span{0x148, 0x14f, none},
           Span{0x150, 0x18f, known},
           Span{0x190, 0x19f, none},
           Span{0x1a0, 0x1b3, vendor},
           Span{0x1b4, 0xfff, none},
       }) {
    for (unsigned at = span.first; at <= span.last; ++at) {
      ASSERT_EQ(rules.KindOf(static_cast<uint16_t>(at)), span.kind) << std::hex << at;
    }
  }
  EXPECT_EQ(rules.KindOf(0x1000), none);
  EXPECT_EQ(Rules(ConfigPolicy::kStandard, 256).KindOf(0x100), none);
}

TEST_F(ConfigRulesTest, ACapabilityEndsBeforeTheNext) {
  fake.SetConfigValue(kVendorAt, 0x0010'c809, 4);  // 16 bytes, but the next one is 8 behind it
  fake.SetConfigValue(kVendorAt + 8, 0x0003'00'09, 4);
  fake.SetConfigValue(kExtendedVendorAt + 4, 0xfff0'0001, 4);
  const ConfigRules rules = Rules();
  EXPECT_EQ(rules.KindOf(kVendorAt + 10), ByteKind::kVendor);
  EXPECT_EQ(rules.KindOf(kVendorAt + 11), ByteKind::kUnowned);
  EXPECT_EQ(rules.KindOf(0xfff), ByteKind::kVendor);
}

TEST_F(ConfigRulesTest, ThePolicyDecidesOnBytesNobodyKnows) {
  const uint16_t mixed = kVendorAt - 2;  // two unowned bytes, two vendor-specific ones
  for (const auto policy : {ConfigPolicy::kStandard, ConfigPolicy::kPermissive}) {
    EXPECT_EQ(Rules(policy).Judge(mixed, 0xf), (PolicyVerdict{0xf, 0, 0xc, 0x3}));
  }
  EXPECT_EQ(Rules(ConfigPolicy::kStrict).Judge(mixed, 0xf), (PolicyVerdict{0, 0xf, 0xc, 0x3}));
  EXPECT_EQ(Rules(ConfigPolicy::kStrict).Judge(mixed, 0x5), (PolicyVerdict{0, 0x5, 0x4, 0x1}));
  EXPECT_EQ(Rules(ConfigPolicy::kStrict).Judge(0x0c, 0x3), (PolicyVerdict{0x3, 0, 0, 0}));
  EXPECT_EQ(Rules(ConfigPolicy::kStrict).Judge(0xffe, 0xf), (PolicyVerdict{0, 0x3, 0, 0x3}));
}

TEST_F(ConfigRulesTest, StrictLetsDriversDoWhatTheyNeed) {
  fake.SetConfigValue(0x34, 0x50, 1);  // no power management: 0x40 is nobody's
  SetDevice(0x168c, 0x0280);
  EXPECT_EQ(Rules(ConfigPolicy::kStrict).Judge(0x40, 0xf), (PolicyVerdict{0x2, 0xd, 0, 0xf}));
  SetDevice(0x168c, 0x0200);
  EXPECT_EQ(Rules(ConfigPolicy::kStrict).Judge(0x40, 0xf).passed, 0);
}

TEST_F(ConfigRulesTest, HostAddressesAreHiddenUnlessAllIsPassed) {
  SetDevice(0x8086, 0x0380);
  EXPECT_THAT(Rules().hidden(), ElementsAre(base::Range{0xfc, 4}));  // 0x5c is MSI, 0xc0 a vendor's
  EXPECT_THAT(Rules(ConfigPolicy::kStrict).hidden(), ElementsAre(base::Range{0xfc, 4}));
  EXPECT_THAT(Rules(ConfigPolicy::kPermissive).hidden(), IsEmpty());
  SetDevice(0x10de, 0x0300);
  EXPECT_THAT(Rules().hidden(), IsEmpty());
}

TEST(KnownRegisters, EachIsInsideOfTheSpaceAndSaysWhatItIs) {
  for (const KnownRegister& known : KnownRegisters()) {
    EXPECT_LE(known.bytes.end(), 4096u);
    EXPECT_FALSE(known.bytes.empty() || known.what.empty());
    EXPECT_EQ(known.device_class & known.class_mask, known.device_class);
  }
}

}  // namespace
}  // namespace vmm::assigned
