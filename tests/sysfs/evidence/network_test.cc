#include <fmt/format.h>

#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint32_t kMain = 254;

class NetworkUse : public testing::Test {
 protected:
  NetworkUse() {
    tree_.AddDriver("igb");
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDevice({.class_code = 0x020000, .driver = "igb"});
    sources_.addresses = [this] { return addresses_; };
    sources_.routes = [this] { return routes_; };
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
  // br0 on bond0 on eth0.
  void AddBridge() {
    AddOurInterface();
    Stack("eth0", "pci0000:08/0000:08:00.0", "bond0");
    Stack("bond0", "virtual", "br0");
  }
  void AddSession(const std::string& connection) {
    tree_.AddFile("/proc/50/environ", "SSH_CONNECTION=" + connection);
    sources_.pid = 50;
  }
  std::vector<Evidence> Find() const { return RunFinder(FindNetworkUse, tree_, sources_); }

  test::FakeTree tree_;
  EvidenceSources sources_;
  std::vector<HostAddress> addresses_;
  std::vector<HostRoute> routes_;
};

// The session's own interface has the address and the route, and is not stacked on the card's.
TEST_F(NetworkUse, APppoeSession) {
  AddOurInterface();
  tree_.AddFile("/proc/net/pppoe", "Id       Address              Device\n");
  EXPECT_THAT(Find(), IsEmpty());
  tree_.AddFile("/proc/net/pppoe",
                "Id       Address              Device\n00000001 00:11:22:33:44:55     eth0\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kStack), Reason(ForceReason::kNetdev),
                                        Path({"eth0", "PPPoE"}))));
}

TEST_F(NetworkUse, IdleInterfaceIsFree) {
  AddOurInterface();
  routes_ = {{"eth1", "default", kMain}};
  addresses_ = {{"eth1", "10.0.0.1", false, 8}, {"eth0", "fe80::1", true, 64}};
  AddSession("192.0.2.9 5000 192.0.2.1 22");
  sources_.route_to = [](const std::string&) { return std::string("eth1"); };
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(NetworkUse, InterfaceInAnotherNamespaceIsInUse) {
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kNamespace),
                                        Path({"igb", "another network namespace"}),
                                        Reason(ForceReason::kNetdev))));
}

TEST_F(NetworkUse, TheProcessOfTheOtherNamespaceIsNamed) {
  sources_.distant = [] {
    const NetworkNamespace place = {"/proc/70/ns/net", "pid 70 (sleep)", "nsenter -n -t 70"};
    return std::vector<DistantInterface>{
        {"0000:09:00.0", "eth1", place}, {"0000:08:00.0", "eth0", place}, {"", "lo", place}};
  };
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Kind(UseKind::kNamespace), Reason(ForceReason::kNetdev),
                                Path({"eth0", "another network namespace, of pid 70 (sleep)"}),
                                Cure("nsenter -n -t 70 ip link set eth0 netns 1"))));
  sources_.distant = [] { return std::vector<DistantInterface>(); };
  EXPECT_THAT(Find(), ElementsAre(Path({"igb", "another network namespace"})));
}

TEST_F(NetworkUse, WhatIsStackedOnItInAnotherNamespaceUsesIt) {
  AddOurInterface();
  sources_.distant = [] {
    const NetworkNamespace place = {"/run/netns/web", "ip netns web", "ip netns exec web"};
    return std::vector<DistantInterface>{{"", "mac0", place, "eth0"}, {"", "mac1", place, "eth1"}};
  };
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(
                  Kind(UseKind::kStack), Reason(ForceReason::kNetdev),
                  Path({"eth0", "mac0", "another network namespace, of ip netns web"}),
                  Detail("mac0, in another network namespace, of ip netns web, is stacked on eth0"),
                  Cure("ip netns exec web ip link delete mac0"))));
}

TEST_F(NetworkUse, ANamespaceThatCannotBeAskedMayHideAUse) {
  AddOurInterface();
  sources_.distant = [] {
    const NetworkNamespace place = {"/run/netns/web", "ip netns web", "ip netns exec web"};
    return std::vector<DistantInterface>{{"interfaces: Input/output error", "", place}};
  };
  const PciDevice device = ReadDevice(tree_, kAddress).value();
  EXPECT_THAT(FindEvidence(tree_, device, sources_),
              ElementsAre(AllOf(Kind(UseKind::kUnknown),
                                Detail("ip netns web: interfaces: Input/output error"))));
}

TEST_F(NetworkUse, DriversWithoutInterfacesHaveNone) {
  tree_.AddDevice({.class_code = 0x020000, .driver = "vfio-pci"});
  EXPECT_THAT(Find(), IsEmpty());
  tree_.AddDevice({.class_code = 0x020000});
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(NetworkUse, RoutesOfAllTables) {
  AddOurInterface();
  routes_ = {{"eth0", "default", kMain},
             {"eth0", "default", 100, true},
             {"eth0", "10.1.0.0/16", kMain, false, 3}};
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Kind(UseKind::kRoute), Detail("eth0 carries a default route"),
                                Path({"eth0", "default route"}), Reason(ForceReason::kNetdev)),
                          Path({"eth0", "default route (IPv6, table 100)"}),
                          Path({"eth0", "route to 10.1.0.0/16 and 2 more"})));
}

TEST_F(NetworkUse, AddressThatIsUp) {
  AddOurInterface();
  addresses_ = {{"eth0", "192.0.2.1", false, 24}};
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Kind(UseKind::kAddress), Detail("192.0.2.1/24"),
                                Path({"eth0", "192.0.2.1/24"}), Cure("ip link set eth0 down"))));
}

TEST_F(NetworkUse, VirtualFunctionIsTheSaferWay) {
  tree_.AddDevice({.class_code = 0x020000, .driver = "igb", .totalvfs = 7});
  AddOurInterface();
  addresses_ = {{"eth0", "192.0.2.1"}};
  EXPECT_THAT(Find(), ElementsAre(Cure("vassign sriov set 0000:08:00.0 1")));
}

TEST_F(NetworkUse, FollowsWhatIsStackedOnIt) {
  AddBridge();
  tree_.AddLink("/sys/devices/virtual/net/br0/upper_eth0", "eth0");  // a loop
  addresses_ = {{"br0", "2001:db8::1", false, 64}, {"br0", "192.0.2.7", false, 24}};
  routes_ = {{"br0", "default", kMain}};
  EXPECT_THAT(Find(),
              Contains(AllOf(Path({"eth0", "bond0", "br0", "192.0.2.7/24", "default route"}),
                             Detail("br0 carries a default route"))));
}

TEST_F(NetworkUse, StackWithoutAnAddressIsAUse) {
  AddBridge();
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Kind(UseKind::kStack), Path({"eth0", "bond0", "br0"}),
                                Reason(ForceReason::kNetdev), Cure("ip link set bond0 nomaster"))));
}

TEST_F(NetworkUse, EachOfSeveralVlansIsTold) {
  AddOurInterface();
  Stack("eth0", "pci0000:08/0000:08:00.0", "eth0.7");
  Stack("eth0", "pci0000:08/0000:08:00.0", "eth0.8");
  EXPECT_THAT(Find(), ElementsAre(Path({"eth0", "eth0.7"}), Path({"eth0", "eth0.8"})));
}

TEST_F(NetworkUse, VeryDeepStacksEnd) {
  AddOurInterface();
  Stack("eth0", "pci0000:08/0000:08:00.0", "v0");
  for (int level = 0; level < 500; ++level)
    Stack(fmt::format("v{}", level), "virtual", fmt::format("v{}", level + 1));
  EXPECT_THAT(Find(), SizeIs(testing::Le(1u)));
}

TEST_F(NetworkUse, SshSessionHasAReasonOfItsOwn) {
  AddOurInterface();
  addresses_ = {{"eth0", "fe80::1", true, 64}};
  AddSession("fe80::9%eth0 5000 fe80::1%eth0 22");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kSession), Reason(ForceReason::kSsh),
                                        Path({"eth0", "fe80::1/64", "SSH session from fe80::9"}))));
}

// The address of the session may sit elsewhere, on a loopback interface for example.
TEST_F(NetworkUse, SshSessionGoesWhereTheKernelSendsItsAnswers) {
  AddBridge();
  AddSession("198.51.100.9 5000 192.0.2.1 22");
  sources_.route_to = [](const std::string& address) {
    return address == "198.51.100.9" ? std::optional<std::string>("br0") : std::nullopt;
  };
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Reason(ForceReason::kSsh),
                                Path({"eth0", "bond0", "br0", "SSH session from 198.51.100.9"}))));
}

TEST_F(NetworkUse, RootOverTheNetworkIsWorthKnowing) {
  AddOurInterface();
  tree_.AddFile("/proc/cmdline", "root=/dev/nfs ip=eth0:dhcp\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kNetworkRoot), Warns(),
                                        Path({"eth0", "root over the network (root=/dev/nfs)"}))));
  tree_.AddFile("/proc/cmdline", "root=/dev/nfs ip=eth1:dhcp\n");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(NetworkUse, RootOverAnUnnamedInterfaceMayBeAnyWithAnAddress) {
  AddOurInterface();
  tree_.AddFile("/proc/cmdline", "netroot=iscsi:@10.0.0.1::::x ip=dhcp\n");
  EXPECT_THAT(Find(), IsEmpty());
  addresses_ = {{"eth0", "10.0.0.2", false, 8}};
  EXPECT_THAT(Find(), Contains(Kind(UseKind::kNetworkRoot)));
}

TEST_F(NetworkUse, RootInterfaceByItsHardwareAddress) {
  AddOurInterface();
  tree_.AddFile("/sys/devices/pci0000:08/0000:08:00.0/net/eth0/address", "52:54:00:ab:00:01\n");
  tree_.AddFile("/proc/cmdline", "nfsroot=/srv BOOTIF=01-52-54-00-AB-00-01\n");
  EXPECT_THAT(Find(), ElementsAre(Kind(UseKind::kNetworkRoot)));
}

TEST_F(NetworkUse, CardOfAUsbController) {
  tree_.AddDevice({.class_code = 0x0c0330, .driver = "igb"});
  AddInterface("usb0", "pci0000:08/0000:08:00.0/usb1/1-2/1-2:1.0");
  addresses_ = {{"usb0", "192.0.2.1", false, 24}};
  EXPECT_THAT(Find(), ElementsAre(Path({"usb 1-2", "usb0", "192.0.2.1/24"})));
}

}  // namespace
}  // namespace sysfs
