#include "vmm/virtio/net/tap_plan.h"

#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>

#include <algorithm>

namespace vmm::virtio {
namespace {

using base::Code;
using base::Fail;

bool IsName(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(), [](char one) {
    return one > ' ' && one <= '~' && one != '/' && one != ':' && one != '%';
  });
}

std::string MakeIt(const std::string& name, unsigned queues) {
  return fmt::format("ip tuntap add {} mode tap user $USER{}, as root", name,
                     queues > 1 ? " multi_queue" : "");
}

}  // namespace

InterfaceSnapshot ReadInterface(const sysfs::Tree& tree, const std::string& name) {
  if (!IsName(name)) return {};
  const std::string folder = "/sys/class/net/" + name;
  InterfaceSnapshot seen;
  seen.exists = tree.Exists(folder);
  const auto flags = sysfs::ReadHex(tree, folder + "/tun_flags");
  if (flags) seen.tun_flags = static_cast<uint32_t>(*flags);
  return seen;
}

base::Status CheckInterface(const std::string& name, const InterfaceSnapshot& seen,
                            unsigned queues) {
  if (!IsName(name)) {
    return Fail(
        Code::kUsage, fmt::format("\"{}\": no interface has such a name", name),
        fmt::format("use 1 to {} characters without spaces, \"/\", \":\" and \"%\"", IFNAMSIZ - 1));
  }
  if (!seen.exists) {
    return Fail(Code::kNotFound, name + ": there is no such interface", MakeIt(name, queues));
  }
  if (!seen.tun_flags || (*seen.tun_flags & IFF_TAP) == 0) {
    return Fail(Code::kUnfit, name + ": is not a tap",
                "put a tap into the bridge that it is in, or leave ifname out");
  }
  const bool several = (*seen.tun_flags & IFF_MULTI_QUEUE) != 0;
  if (several == (queues > 1)) return {};
  return Fail(Code::kUnfit,
              fmt::format("{}: was made for {}, not for queues={}", name,
                          several ? "several queues" : "one queue", queues),
              several ? "use queues=2 or more" : "use queues=1, or make it with multi_queue");
}

base::Status CheckLink(const sysfs::Tree& tree, const NetOptions& options) {
  if (const auto* const socket = std::get_if<SocketLink>(&options.link)) {
    if (socket->listen || tree.Exists(socket->path)) return {};
    return Fail(Code::kNotFound, "socket " + socket->path + ": is not there",
                "start the other side first (passt, another vmm with listen), or add listen");
  }
  if (const auto* const macvtap = std::get_if<MacvtapLink>(&options.link)) {
    if (tree.Exists("/sys/class/net/" + macvtap->lower)) return {};
    return Fail(Code::kNotFound, macvtap->lower + ": there is no such interface");
  }
  const auto* const tap = std::get_if<TapLink>(&options.link);
  if (!tree.Exists("/dev/net/tun")) {
    return Fail(Code::kNotFound, "/dev/net/tun: is not there", "load its module: modprobe tun");
  }
  if (tap->vhost && !tree.Exists("/dev/vhost-net")) {
    return Fail(Code::kNotFound, "/dev/vhost-net: is not there",
                "load its module: modprobe vhost_net; or use vhost=off");
  }
  if (tap->interface.empty()) return {};
  return CheckInterface(tap->interface, ReadInterface(tree, tap->interface), options.queues);
}

}  // namespace vmm::virtio
