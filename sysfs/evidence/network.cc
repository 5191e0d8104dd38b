// What runs over the network interfaces of a device.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sysfs/drivers.h"
#include "sysfs/evidence/parts.h"
#include "sysfs/evidence/routes.h"
#include "sysfs/iommu_group.h"

namespace sysfs {
namespace {

constexpr uint8_t kNetworkClass = 0x02;

struct Interface {
  std::string name;
  std::string via;  // " (bond0 is on eth0)" for what is stacked
};

// The interface and, over its upper_* links, all that is stacked on it. Each once.
void Collect(const Tree& tree, const std::string& name, const std::string& via,
             std::set<std::string>& seen, std::vector<Interface>& all) {
  if (!seen.insert(name).second) return;
  all.push_back({name, via});
  constexpr std::string_view kUpper = "upper_";
  for (const std::string& entry :
       tree.List("/sys/class/net/" + name).value_or(std::vector<std::string>())) {
    if (!entry.starts_with(kUpper)) continue;
    const std::string upper = entry.substr(kUpper.size());
    Collect(tree, upper, fmt::format(" ({} is on {})", upper, name), seen, all);
  }
}

std::vector<std::string> DefaultRoutes(const Tree& tree) {
  auto names = ParseDefaultRoutes(ReadText(tree, "/proc/net/route").value_or(std::string()));
  for (std::string& name :
       ParseDefaultRoutes6(ReadText(tree, "/proc/net/ipv6_route").value_or(std::string()))) {
    names.push_back(std::move(name));
  }
  return names;
}

// A link-local IPv6 address is on every interface that is up, and says nothing.
void FindAddresses(const Interface& interface, const std::vector<HostAddress>& addresses,
                   const std::string& ssh_server, std::vector<Evidence>& found) {
  for (const HostAddress& address : addresses) {
    if (address.interface != interface.name) continue;
    if (address.address == ssh_server) {
      found.push_back({fmt::format("the SSH session of this command goes through {} ({}){}",
                                   interface.name, address.address, interface.via),
                       ForceReason::kSsh, "log in over another interface or the console"});
    }
    if (address.link_local) continue;
    found.push_back(
        {fmt::format("{} is up with the address {}{}", interface.name, address.address,
                     interface.via),
         ForceReason::kNetdev,
         fmt::format("ip address flush dev {0}; ip link set {0} down", interface.name)});
  }
}

void FindRoutes(const Interface& interface, const std::vector<std::string>& routes,
                std::vector<Evidence>& found) {
  if (std::find(routes.begin(), routes.end(), interface.name) == routes.end()) return;
  found.push_back({fmt::format("{} carries a default route{}", interface.name, interface.via),
                   ForceReason::kNetdev, "move the default route to another interface"});
}

// A driver that makes interfaces is bound and none is to be seen: it lives in another network
// namespace, where its addresses and routes cannot be looked at from here.
bool LivesElsewhere(const Tree& tree, const PciDevice& device) {
  return device.base_class() == kNetworkClass && device.driver &&
         !IsManagedDmaDriver(tree, *device.driver) && !device.driver->starts_with("uio") &&
         *device.driver != "igb_uio" && *device.driver != "pci-pf-stub";
}

}  // namespace

std::vector<Evidence> FindNetworkUse(const Tree& tree, const PciDevice& device,
                                     const EvidenceSources& sources) {
  const auto names = NamesBelow(tree, "/sys/class/net", device.address);
  if (names.empty()) {
    if (!LivesElsewhere(tree, device)) return {};
    return {{fmt::format("{} drives it, but its network interface is not to be seen here: it is "
                         "in another network namespace",
                         *device.driver),
             ForceReason::kNetdev, "look for it with ip netns and lsns -t net"}};
  }
  std::vector<Interface> interfaces;
  std::set<std::string> seen;
  for (const std::string& name : names) Collect(tree, name, "", seen, interfaces);
  const auto routes = DefaultRoutes(tree);
  const auto addresses = sources.addresses ? sources.addresses() : std::vector<HostAddress>();
  const std::string ssh_server = FindSshServer(tree, sources.pid);
  std::vector<Evidence> found;
  for (const Interface& interface : interfaces) {
    FindRoutes(interface, routes, found);
    FindAddresses(interface, addresses, ssh_server, found);
  }
  return found;
}

}  // namespace sysfs
