// What runs over the network interfaces of a device.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sysfs/base/text.h"
#include "sysfs/drivers.h"
#include "sysfs/evidence/kernel_line.h"
#include "sysfs/evidence/parts.h"
#include "sysfs/evidence/routes.h"
#include "sysfs/iommu_group.h"

namespace sysfs {
namespace {

constexpr uint8_t kNetworkClass = 0x02;
constexpr std::string_view kNet = "/sys/class/net/";
// The kernel stacks at most 8 (MAX_NEST_DEV); a recorded host may hold anything.
constexpr size_t kLongestPath = 32;

struct Interface {
  std::string name;
  std::vector<std::string> path;
  bool is_stacked = false;
  bool is_top = false;
};

// The interface and, over its upper_* links, all that is stacked on it: bonds, teams, bridges,
// VLANs, VRFs. Each once.
void Collect(const Tree& tree, const Interface& interface, std::set<std::string>& seen,
             std::vector<Interface>& all) {
  if (interface.path.size() > kLongestPath || !seen.insert(interface.name).second) return;
  constexpr std::string_view kUpper = "upper_";
  std::vector<std::string> uppers;
  for (const std::string& entry :
       tree.List(std::string(kNet) + interface.name).value_or(std::vector<std::string>())) {
    if (entry.starts_with(kUpper)) uppers.push_back(entry.substr(kUpper.size()));
  }
  all.push_back(interface);
  all.back().is_top = uppers.empty();
  for (const std::string& upper : uppers)
    Collect(tree, {upper, Extend(interface.path, upper), true, false}, seen, all);
}

// What is asked once for all interfaces.
struct HostNetwork {
  std::vector<HostAddress> addresses;
  std::vector<HostRoute> routes;
  std::optional<SshSession> session;
  std::string session_interface;  // by which the kernel answers the SSH client
  std::optional<NetworkRoot> root;
  std::set<std::string> pppoe;  // interfaces that carry sessions
  std::vector<DistantInterface> distant;
};

// Lines of /proc/net/pppoe: "00000001 00:11:22:33:44:55     eth0" below their head.
std::set<std::string> PppoeInterfaces(const Tree& tree) {
  std::set<std::string> names;
  const std::string text = ReadText(tree, "/proc/net/pppoe").value_or(std::string());
  for (std::string_view line : base::Split(text, '\n')) {
    line = base::Trim(line);
    if (const size_t blank = line.rfind(' '); blank != std::string_view::npos)
      names.emplace(line.substr(blank + 1));
  }
  return names;
}

std::vector<DistantInterface> AskDistant(const Search& search) {
  if (!search.sources.distant) return {};
  std::vector<DistantInterface> all = search.sources.distant();
  for (const DistantInterface& one : all) {
    if (one.name.empty())
      search.unread.Note(base::Error(base::Code::kTimedOut, one.place.title + ": " + one.device));
  }
  return all;
}

HostNetwork ReadNetwork(const Search& search) {
  const EvidenceSources& sources = search.sources;
  HostNetwork network;
  const auto ask = [&](const auto& source, auto& answer) {
    if (!source) return;
    auto found = source();
    if (found) {
      answer = std::move(*found);
    } else {
      search.unread.Note(found.error());
    }
  };
  ask(sources.addresses, network.addresses);
  ask(sources.routes, network.routes);
  network.session = FindSshSession(search.tree, sources.pid);
  if (network.session) network.session_interface = network.session->zone;
  if (network.session && network.session_interface.empty() && sources.route_to)
    network.session_interface = sources.route_to(network.session->client).value_or("");
  network.distant = AskDistant(search);
  network.pppoe = PppoeInterfaces(search.tree);
  network.root = ParseNetworkRoot(ReadText(search.tree, "/proc/cmdline").value_or(std::string()));
  return network;
}

std::string Written(const HostAddress& address) {
  return address.prefix == 0 ? address.address
                             : fmt::format("{}/{}", address.address, address.prefix);
}

// An address of the interface that says something: each IPv6 interface that is up has a link-local
// one.
std::vector<HostAddress> AddressesOf(const Interface& interface, const HostNetwork& network) {
  std::vector<HostAddress> all;
  std::copy_if(network.addresses.begin(), network.addresses.end(), std::back_inserter(all),
               [&](const HostAddress& address) {
                 return address.interface == interface.name && !address.link_local;
               });
  return all;
}

void FindAddresses(const Search& search, const Interface& interface, const HostNetwork& network,
                   std::vector<Evidence>& found) {
  for (const HostAddress& address : AddressesOf(interface, network)) {
    found.push_back({UseKind::kAddress, Extend(interface.path, Written(address)),
                     fmt::format("{} is up with the address {}", interface.name, Written(address)),
                     ForceReason::kNetdev,
                     fmt::format("ip address flush dev {0}; ip link set {0} down{1}",
                                 ShellWord(interface.name), FunctionsInstead(search.device))});
  }
}

void FindSession(const Interface& interface, const HostNetwork& network,
                 std::vector<Evidence>& found) {
  if (!network.session) return;
  const auto server = std::find_if(
      network.addresses.begin(), network.addresses.end(), [&](const HostAddress& address) {
        return address.interface == interface.name && address.address == network.session->server;
      });
  const bool is_server = server != network.addresses.end();
  if (!is_server && network.session_interface != interface.name) return;
  auto path = interface.path;
  if (is_server) path.push_back(Written(*server));
  found.push_back({UseKind::kSession,
                   Extend(std::move(path), "SSH session from " + network.session->client),
                   fmt::format("the SSH session of this command goes through {}{}", interface.name,
                               is_server ? " (" + server->address + ")" : std::string()),
                   ForceReason::kSsh, "log in over another interface or the console"});
}

void FindRoutes(const Search& search, const Interface& interface, const HostNetwork& network,
                std::vector<Evidence>& found) {
  const auto addresses = AddressesOf(interface, network);
  for (const HostRoute& route : network.routes) {
    if (route.interface != interface.name) continue;
    auto path = interface.path;
    const auto own =
        std::find_if(addresses.begin(), addresses.end(), [&](const HostAddress& address) {
          return (address.address.find(':') != std::string::npos) == route.is_ipv6;
        });
    if (own != addresses.end()) path.push_back(Written(*own));
    found.push_back({UseKind::kRoute, Extend(std::move(path), Describe(route)),
                     fmt::format("{} carries a {}", interface.name, Describe(route)),
                     ForceReason::kNetdev,
                     fmt::format("move the {} to another interface{}",
                                 route.is_default() ? "default route" : "route",
                                 FunctionsInstead(search.device))});
  }
}

// A bridge of virtual machines has no address, and they work through it all the same.
void FindStack(const Search& search, const Interface& interface, std::vector<Evidence>& found) {
  const std::string& lower = interface.path[interface.path.size() - 2];
  found.push_back({UseKind::kStack, interface.path,
                   fmt::format("{} is stacked on {}", interface.name, lower), ForceReason::kNetdev,
                   fmt::format("ip link set {} nomaster, or ip link delete {}{}", ShellWord(lower),
                               ShellWord(interface.name), FunctionsInstead(search.device))});
}

// A macvlan, ipvlan or VLAN over it that a container has got: no link in sysfs here leads there.
void FindDistantStack(const Search& search, const Interface& interface, const HostNetwork& network,
                      std::vector<Evidence>& found) {
  for (const DistantInterface& one : network.distant) {
    if (one.lower != interface.name) continue;
    found.push_back({UseKind::kStack,
                     Extend(Extend(interface.path, one.name),
                            "another network namespace, of " + one.place.title),
                     fmt::format("{}, in another network namespace, of {}, is stacked on {}",
                                 one.name, one.place.title, interface.name),
                     ForceReason::kNetdev,
                     fmt::format("{} ip link delete {}{}", one.place.enter, ShellWord(one.name),
                                 FunctionsInstead(search.device))});
  }
}

// The addresses and routes are those of the session's own interface, which no link leads to.
void FindPppoe(const Search& search, const Interface& interface, const HostNetwork& network,
               std::vector<Evidence>& found) {
  if (!network.pppoe.contains(interface.name)) return;
  found.push_back({UseKind::kStack, Extend(interface.path, "PPPoE"),
                   fmt::format("{} carries a PPPoE session", interface.name), ForceReason::kNetdev,
                   "end the session (poff)" + FunctionsInstead(search.device)});
}

// Whether it is this interface is a guess where the command line names none: then any with an
// address may be it.
void FindNetworkRoot(const Search& search, const Interface& interface, const HostNetwork& network,
                     std::vector<Evidence>& found) {
  if (!network.root) return;
  const NetworkRoot& root = *network.root;
  const auto mac = ReadText(search.tree, std::string(kNet) + interface.name + "/address");
  const bool is_named = std::find(root.interfaces.begin(), root.interfaces.end(), interface.name) !=
                            root.interfaces.end() ||
                        (!root.mac.empty() && mac == root.mac);
  const bool none_named = root.interfaces.empty() && root.mac.empty();
  if (!is_named && !(none_named && !AddressesOf(interface, network).empty())) return;
  found.push_back({UseKind::kNetworkRoot,
                   Extend(interface.path, fmt::format("root over the network ({})", root.argument)),
                   fmt::format("this host's root file system comes over the network ({}), perhaps "
                               "through {}",
                               root.argument, interface.name),
                   ForceReason::kMounted, "assign another device", false});
}

// A driver that makes interfaces is bound and none is to be seen: it lives in another network
// namespace, where its addresses and routes cannot be looked at from here.
bool LivesElsewhere(const Tree& tree, const PciDevice& device) {
  return device.base_class() == kNetworkClass && device.driver &&
         !IsManagedDmaDriver(tree, *device.driver) && !device.driver->starts_with("uio") &&
         *device.driver != "igb_uio" && *device.driver != "pci-pf-stub";
}

Evidence InNamespace(const PciDevice& device, const DistantInterface& interface) {
  return {UseKind::kNamespace,
          {device.address.ToString(), interface.name,
           "another network namespace, of " + interface.place.title},
          fmt::format("its network interface {} is in another network namespace, of {}",
                      interface.name, interface.place.title),
          ForceReason::kNetdev,
          fmt::format("{} ip link set {} netns 1{}", interface.place.enter,
                      ShellWord(interface.name), FunctionsInstead(device))};
}

Evidence SomewhereElse(const PciDevice& device) {
  return {UseKind::kNamespace,
          {device.address.ToString(), *device.driver, "another network namespace"},
          fmt::format("{} drives it, but its network interface is not to be seen here: it is in "
                      "another network namespace",
                      *device.driver),
          ForceReason::kNetdev,
          "look for it with ip netns and lsns -t net" + FunctionsInstead(device)};
}

std::vector<Evidence> Elsewhere(const Search& search) {
  std::vector<Evidence> found;
  for (const DistantInterface& interface : AskDistant(search)) {
    if (interface.device == search.device.address.ToString())
      found.push_back(InNamespace(search.device, interface));
  }
  if (found.empty()) found.push_back(SomewhereElse(search.device));
  return found;
}

}  // namespace

Findings FindNetworkUse(const Search& search) {
  const auto own = search.places.FindBelow("/sys/class/net", search.device.address);
  if (own.empty() && LivesElsewhere(search.tree, search.device)) return {Elsewhere(search), {}};
  if (own.empty()) return {};
  std::vector<Interface> interfaces;
  std::set<std::string> seen;
  for (const Below& one : own)
    Collect(search.tree, {one.name, one.path, false, false}, seen, interfaces);
  const HostNetwork network = ReadNetwork(search);
  std::vector<Evidence> found;
  for (const Interface& interface : interfaces) {
    const size_t before = found.size();
    FindRoutes(search, interface, network, found);
    FindAddresses(search, interface, network, found);
    FindSession(interface, network, found);
    FindPppoe(search, interface, network, found);
    FindDistantStack(search, interface, network, found);
    if (found.size() == before && interface.is_stacked && interface.is_top)
      FindStack(search, interface, found);
    FindNetworkRoot(search, interface, network, found);
  }
  return {std::move(found), {}};
}

}  // namespace sysfs
