#include "vmm/standby_pairs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>

#include "tests/support/matchers.h"
#include "vmm/plan.h"

namespace vmm {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const virtio::Mac kMac{{2, 0, 0, 0, 9, 7}};
const virtio::Mac kBefore{{2, 0, 0, 0, 9, 8}};
const sysfs::PciAddress kFunction{0, 3, 0x10, 0};

class FakeAddresses final : public PrimaryAddresses {
 public:
  base::Result<virtio::Mac> Read(const sysfs::PciAddress&) override { return mac; }
  base::Status Write(const sysfs::PciAddress&, const virtio::Mac& address) override {
    if (denied) return base::Fail(Code::kDenied, "not permitted");
    mac = address;
    return {};
  }
  virtio::Mac mac = kBefore;
  bool denied = false;
};

class StandbyPairsTest : public testing::Test {
 protected:
  base::Result<StandbyPairs> Make() {
    StandbyPairs::Wiring wiring;
    wiring.addresses = &addresses_;
    wiring.plug = [this](const AssignRequest& primary, std::optional<uint8_t>) -> base::Status {
      said_.push_back("plug " + IdOf(primary) + " " + addresses_.mac.Text());
      if (plug_fails_) return base::Fail(Code::kUnfit, "no port");
      return {};
    };
    wiring.take_out = [this](const std::string& id) { said_.push_back("take out " + id); };
    wiring.set_link = [this](const std::string& id, bool up) { links_[id] = up; };
    wiring.announce = [this](const std::string& id) { said_.push_back("announce " + id); };
    wiring.negotiated = [](const StandbyPair&) {};
    return StandbyPairs::Create(std::move(wiring), {{"net0", kMac, Request(), true}});
  }
  static AssignRequest Request() {
    AssignRequest request;
    request.host = kFunction;
    request.id = "vf0";
    return request;
  }
  std::vector<std::string> Said() { return std::exchange(said_, {}); }

  FakeAddresses addresses_;
  bool plug_fails_ = false;
  std::vector<std::string> said_;
  std::map<std::string, bool> links_;
};

TEST_F(StandbyPairsTest, ThePrimaryHasTheAddressWhileItIsPluggedAndItsOwnAfterwards) {
  {
    auto pairs = Make();
    ASSERT_THAT(pairs, IsOk());
    EXPECT_EQ(addresses_.mac, virtio::Mac{});
    const auto where = [&] { return pairs->states().at(0).where; };
    EXPECT_EQ(pairs->states().at(0).standby, "net0");
    EXPECT_EQ(pairs->states().at(0).primary, "vf0");
    EXPECT_EQ(where(), Standby::Primary::kHidden);
    pairs->DriverCame("net0", true);
    EXPECT_EQ(where(), Standby::Primary::kPlugged);
    EXPECT_THAT(Said(), ElementsAre("plug vf0 02:00:00:00:09:07"));
    EXPECT_TRUE(links_.at("net0"));
    pairs->Mastering(kFunction, true);
    EXPECT_FALSE(links_.at("net0"));
    EXPECT_FALSE(pairs->states().at(0).link_up);
    pairs->Asked("vf0");
    EXPECT_EQ(where(), Standby::Primary::kLeaving);
    EXPECT_TRUE(links_.at("net0"));
    EXPECT_EQ(addresses_.mac, kMac);
    pairs->Out("vf0");
    EXPECT_THAT(Said(), ElementsAre("announce net0"));
    EXPECT_EQ(addresses_.mac, kMac) << "until it is closed";
    pairs->Closed("vf0");
    EXPECT_THAT(Said(), ElementsAre("announce net0"));
    EXPECT_EQ(addresses_.mac, virtio::Mac{});
    EXPECT_EQ(where(), Standby::Primary::kAbsent);
    EXPECT_THAT(pairs->Wanted(Request(), {}), testing::Optional(IsOk()));
    EXPECT_THAT(Said(), ElementsAre("plug vf0 02:00:00:00:09:07"));
    EXPECT_EQ(pairs->Wanted(Request(), {}), std::nullopt) << "is there";
  }
  EXPECT_EQ(addresses_.mac, kBefore);
}

TEST_F(StandbyPairsTest, AFailedPlugTakesTheAddressBack) {
  auto pairs = Make();
  ASSERT_THAT(pairs, IsOk());
  plug_fails_ = true;
  pairs->DriverCame("net0", true);
  EXPECT_EQ(addresses_.mac, virtio::Mac{});
  EXPECT_TRUE(links_.at("net0"));
  plug_fails_ = false;
  EXPECT_THAT(pairs->Wanted(Request(), {}), testing::Optional(IsOk()));
}

TEST_F(StandbyPairsTest, AnotherDeviceIsNotThePrimary) {
  auto pairs = Make();
  ASSERT_THAT(pairs, IsOk());
  AssignRequest other;
  other.host = kFunction;
  EXPECT_EQ(pairs->Wanted(other, {}), std::nullopt);
  other = Request();
  other.host.device = 0x11;
  EXPECT_THAT(pairs->Wanted(other, {}),
              testing::Optional(FailsWith(Code::kUnfit, HasSubstr("net0"))));
  pairs->Asked("disk0");
  pairs->Closed("disk0");
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(StandbyPairsTest, WithoutPermissionTheAddressHasToBeThereAlready) {
  addresses_.denied = true;
  EXPECT_THAT(Make(), FailsWith(Code::kDenied, HasSubstr("net0")));
  addresses_.mac = kMac;
  auto pairs = Make();
  ASSERT_THAT(pairs, IsOk());
  pairs->DriverCame("net0", true);
  EXPECT_THAT(Said(), ElementsAre("plug vf0 02:00:00:00:09:07"));
}

TEST_F(StandbyPairsTest, ADriverThatKnowsNothingOfItGetsNoPrimary) {
  auto pairs = Make();
  ASSERT_THAT(pairs, IsOk());
  pairs->DriverCame("net0", false);
  pairs->DriverCame("net1", true);
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(StandbyPairsTest, AResetTakesItOut) {
  auto pairs = Make();
  ASSERT_THAT(pairs, IsOk());
  pairs->DriverCame("net0", true);
  Said();
  pairs->MachineReset();
  EXPECT_THAT(Said(), ElementsAre("take out vf0"));
}

HostDevice Nic(bool is_virtual) {
  HostDevice host;
  host.device.address = kFunction;
  host.device.class_code = 0x020000;
  if (is_virtual) host.device.physfn = sysfs::PciAddress{0, 3, 0, 0};
  return host;
}

Options Paired() {
  Options options;
  AssignRequest request;
  request.host = kFunction;
  request.id = "vf0";
  options.assign = {request};
  virtio::NetOptions net;
  net.mac = kMac;
  net.standby = "vf0";
  options.nets = {net};
  return options;
}

TEST(CheckStandby, NamesWhatDoesNotGoTogether) {
  EXPECT_THAT(CheckStandby(Paired(), {{Nic(true)}, 46}), IsOk());
  Options options = Paired();
  options.nets[0].standby = "vf1";
  EXPECT_THAT(CheckStandby(options, {{Nic(true)}, 46}), FailsWith(Code::kUsage, HasSubstr("vf1")));
  options = Paired();
  options.nets.push_back(options.nets[0]);
  EXPECT_THAT(CheckStandby(options, {{Nic(true)}, 46}), FailsWith(Code::kUsage, HasSubstr("two")));
  options = Paired();
  options.assign[0].guest_slot = 5;
  EXPECT_THAT(CheckStandby(options, {{Nic(true)}, 46}),
              FailsWith(Code::kUsage, HasSubstr("addr=")));
  options = Paired();
  options.assign[0].fallback = FallbackWish{};
  EXPECT_THAT(CheckStandby(options, {{Nic(true)}, 46}),
              FailsWith(Code::kUsage, HasSubstr("fallback=")));
  HostDevice drive = Nic(false);
  drive.device.class_code = 0x010802;
  EXPECT_THAT(CheckStandby(Paired(), {{drive}, 46}), FailsWith(Code::kUnfit, HasSubstr("network")));
}

TEST(PlanTopology, PrimariesAreHidden) {
  const auto topology = PlanTopology(Paired(), {Nic(true)});
  ASSERT_THAT(topology, IsOk());
  EXPECT_TRUE(topology->devices.at(0).hidden);
  const auto pairs = PlanStandby(Paired(), {{Nic(true)}, 46}, *topology);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].standby, "net0");
  EXPECT_TRUE(pairs[0].is_virtual);
}

}  // namespace
}  // namespace vmm
