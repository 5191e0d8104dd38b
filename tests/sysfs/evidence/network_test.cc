#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sysfs/evidence/parts.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

class NetworkUse : public testing::Test {
 protected:
  NetworkUse() {
    tree_.AddDriver("igb");
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDevice({.class_code = 0x020000, .driver = "igb"});
    sources_.addresses = [this] { return addresses_; };
  }

  void AddInterface(const std::string& name, const std::string& place) {
    tree_.AddDirectory("/sys/devices/" + place + "/net/" + name);
    tree_.AddLink("/sys/class/net/" + name, "../../devices/" + place + "/net/" + name);
  }
  void AddOurInterface() { AddInterface("eth0", "pci0000:08/0000:08:00.0"); }
  void Stack(const std::string& lower, const std::string& place, const std::string& upper) {
    AddInterface(upper, "virtual");
    tree_.AddLink(fmt::format("/sys/devices/{}/net/{}/upper_{}", place, lower, upper), upper);
  }
  void AddDefaultRoute(const std::string& name) {
    tree_.AddFile("/proc/net/route",
                  "Iface Destination Gateway Flags RefCnt Use Metric Mask\n" + name +
                      "\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
  }

  std::vector<Evidence> Find() const {
    return FindNetworkUse(tree_, ReadDevice(tree_, {0, 8, 0, 0}).value(), sources_);
  }

  test::FakeTree tree_;
  EvidenceSources sources_;
  std::vector<HostAddress> addresses_;
};

TEST_F(NetworkUse, IdleInterfaceIsFree) {
  AddOurInterface();
  AddDefaultRoute("eth1");
  addresses_ = {{"eth1", "10.0.0.1"}, {"eth0", "fe80::1", true}};
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(NetworkUse, InterfaceInAnotherNamespaceIsInUse) {
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Field(&Evidence::detail, HasSubstr("another network namespace")),
                                Field(&Evidence::reason, ForceReason::kNetdev))));
}

TEST_F(NetworkUse, DriversWithoutInterfacesHaveNone) {
  tree_.AddDevice({.class_code = 0x020000, .driver = "vfio-pci"});
  EXPECT_THAT(Find(), IsEmpty());
  tree_.AddDevice({.class_code = 0x020000});
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(NetworkUse, DefaultRoute) {
  AddOurInterface();
  AddDefaultRoute("eth0");
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Field(&Evidence::detail, HasSubstr("eth0 carries a default route")),
                                Field(&Evidence::reason, ForceReason::kNetdev))));
}

TEST_F(NetworkUse, AddressThatIsUp) {
  AddOurInterface();
  addresses_ = {{"eth0", "192.0.2.1"}};
  EXPECT_THAT(Find(), ElementsAre(Field(&Evidence::detail, HasSubstr("192.0.2.1"))));
}

TEST_F(NetworkUse, FollowsWhatIsStackedOnIt) {
  AddOurInterface();
  Stack("eth0", "pci0000:08/0000:08:00.0", "bond0");
  Stack("bond0", "virtual", "br0");
  tree_.AddLink("/sys/devices/virtual/net/br0/upper_eth0", "eth0");  // a loop
  AddDefaultRoute("br0");
  EXPECT_THAT(Find(), ElementsAre(Field(&Evidence::detail, HasSubstr("br0 is on bond0"))));
}

TEST_F(NetworkUse, SshSessionHasAReasonOfItsOwn) {
  AddOurInterface();
  addresses_ = {{"eth0", "fe80::1", true}};
  tree_.AddFile("/proc/50/environ", "SSH_CONNECTION=fe80::9%eth0 5000 fe80::1%eth0 22");
  sources_.pid = 50;
  EXPECT_THAT(Find(), ElementsAre(Field(&Evidence::reason, ForceReason::kSsh)));
}

}  // namespace
}  // namespace sysfs
