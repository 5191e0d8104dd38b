#include "sysfs/evidence/route_dump.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "sysfs/evidence/netlink.h"
#include "sysfs/evidence/next_hops.h"

namespace sysfs {
namespace {

struct FreeInterfaces {
  void operator()(struct if_nameindex* list) const { ::if_freenameindex(list); }
};
using Attributes = std::array<nlattr*, RTA_MAX + 1>;

std::map<int, std::string> ReadInterfaces() {
  std::map<int, std::string> names;
  const std::unique_ptr<struct if_nameindex, FreeInterfaces> list(::if_nameindex());
  for (const struct if_nameindex* entry = list.get(); entry != nullptr && entry->if_index != 0;
       ++entry) {
    names[static_cast<int>(entry->if_index)] = entry->if_name;
  }
  return names;
}

// Where one message sends its packets, each interface once.
std::set<int> OutputsOf(const Attributes& attributes) {
  std::set<int> outputs;
  if (attributes[RTA_OIF] != nullptr)
    outputs.insert(static_cast<int>(nla_get_u32(attributes[RTA_OIF])));
  if (attributes[RTA_MULTIPATH] == nullptr) return outputs;
  const auto* hop = static_cast<const rtnexthop*>(nla_data(attributes[RTA_MULTIPATH]));
  int left = nla_len(attributes[RTA_MULTIPATH]);
  while (left >= static_cast<int>(sizeof *hop) && hop->rtnh_len >= sizeof *hop &&
         hop->rtnh_len <= left) {
    outputs.insert(hop->rtnh_ifindex);
    const int step = static_cast<int>(RTNH_ALIGN(hop->rtnh_len));
    left -= step;
    hop = reinterpret_cast<const rtnexthop*>(reinterpret_cast<const char*>(hop) + step);
  }
  return outputs;
}

std::string DestinationOf(const rtmsg& route, const Attributes& attributes) {
  if (route.rtm_dst_len == 0) return "default";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const nlattr* destination = attributes[RTA_DST];
  const int size = route.rtm_family == AF_INET6 ? 16 : 4;
  if (destination == nullptr || nla_len(destination) < size ||
      ::inet_ntop(route.rtm_family, nla_data(destination), text.data(), text.size()) == nullptr)
    return "?";
  return fmt::format("{}/{}", text.data(), route.rtm_dst_len);
}

// A route that an administrator, a daemon or the network wants, and that is alive.
bool IsWanted(const rtmsg& route) {
  return route.rtm_type == RTN_UNICAST && route.rtm_protocol != RTPROT_KERNEL &&
         (route.rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)) == 0;
}

bool Parse(nl_msg* message, const rtmsg*& route, Attributes& attributes) {
  nlmsghdr* header = nlmsg_hdr(message);
  if (header->nlmsg_type != RTM_NEWROUTE || nlmsg_datalen(header) < static_cast<int>(sizeof *route))
    return false;
  route = static_cast<const rtmsg*>(nlmsg_data(header));
  return nlmsg_parse(header, sizeof *route, attributes.data(), RTA_MAX, nullptr) >= 0;
}

class Collector {
 public:
  void Add(const rtmsg& route, const Attributes& attributes) {
    if (!IsWanted(route)) return;
    const uint32_t table =
        attributes[RTA_TABLE] != nullptr ? nla_get_u32(attributes[RTA_TABLE]) : route.rtm_table;
    const bool is_default = route.rtm_dst_len == 0;
    for (const int output : Outputs(attributes)) {
      const auto name = interfaces_.find(output);
      if (name == interfaces_.end()) continue;
      const bool is_ipv6 = route.rtm_family == AF_INET6;
      auto [known, is_new] = routes_.try_emplace({output, table, is_ipv6, is_default});
      if (is_new) {
        known->second = {name->second, DestinationOf(route, attributes), table, is_ipv6, 1};
      } else if (!is_default) {
        ++known->second.count;
      }
    }
  }

  // Of the first dump of next hops that failed.
  const std::optional<base::Error>& failure() const { return failure_; }
  bool knows_interfaces() const { return !interfaces_.empty(); }

  // Of one family, which is read again.
  void Forget(bool is_ipv6) {
    std::erase_if(routes_, [&](const auto& one) { return std::get<2>(one.first) == is_ipv6; });
  }

  std::vector<HostRoute> Take() const {
    std::vector<HostRoute> all;
    for (const auto& [key, route] : routes_) all.push_back(route);
    return all;
  }

 private:
  std::set<int> Outputs(const Attributes& attributes) {
    std::set<int> outputs = OutputsOf(attributes);
    if (!outputs.empty() || attributes[RTA_NH_ID] == nullptr) return outputs;
    if (!next_hops_) {
      auto dumped = DumpNextHops();
      if (!dumped) failure_ = dumped.error();
      next_hops_ = dumped ? std::move(*dumped) : std::map<uint32_t, std::set<int>>();
    }
    const auto known = next_hops_->find(nla_get_u32(attributes[RTA_NH_ID]));
    return known == next_hops_->end() ? outputs : known->second;
  }

  std::map<int, std::string> interfaces_ = ReadInterfaces();
  std::optional<std::map<uint32_t, std::set<int>>> next_hops_;
  std::optional<base::Error> failure_;
  std::map<std::tuple<int, uint32_t, bool, bool>, HostRoute> routes_;
};

int Collect(nl_msg* message, void* collector) {
  const rtmsg* route = nullptr;
  Attributes attributes{};
  if (Parse(message, route, attributes))
    static_cast<Collector*>(collector)->Add(*route, attributes);
  return NL_OK;
}

int TakeOutput(nl_msg* message, void* output) {
  const rtmsg* route = nullptr;
  Attributes attributes{};
  if (!Parse(message, route, attributes)) return NL_OK;
  const auto outputs = OutputsOf(attributes);
  if (!outputs.empty()) *static_cast<int*>(output) = *outputs.begin();
  return NL_OK;
}

// A question for the route to one address.
NetlinkMessage Question(const std::string& address) {
  std::array<std::byte, sizeof(in6_addr)> bytes{};
  rtmsg route = {};
  route.rtm_family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (::inet_pton(route.rtm_family, address.c_str(), bytes.data()) != 1) return nullptr;
  const int size = route.rtm_family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
  route.rtm_dst_len = static_cast<unsigned char>(size * 8);
  NetlinkMessage message(nlmsg_alloc_simple(RTM_GETROUTE, 0));
  if (!message || nlmsg_append(message.get(), &route, sizeof route, NLMSG_ALIGNTO) < 0 ||
      nla_put(message.get(), RTA_DST, size, bytes.data()) < 0)
    return nullptr;
  return message;
}

}  // namespace

base::Result<std::vector<HostRoute>> DumpRoutes() {
  Collector collector;
  // There is a loopback device at least.
  if (!collector.knows_interfaces()) return base::FailErrno("the names of interfaces", EIO);
  for (const int family : {AF_INET, AF_INET6}) {
    rtmsg request = {};
    request.rtm_family = static_cast<unsigned char>(family);
    const int result = DumpRouting(RTM_GETROUTE, request, Collect, &collector,
                                   [&] { collector.Forget(family == AF_INET6); });
    // Without a family there are no routes.
    if (result < 0 && result != -NLE_AF_NOSUPPORT) return FailRouting("routes", result);
  }
  if (collector.failure()) return base::Failure(*collector.failure());
  return collector.Take();
}

std::optional<std::string> RouteTo(const std::string& address) {
  const NetlinkMessage question = Question(address);
  const NetlinkSocket socket = ConnectToRouting();
  if (!question || !socket) return std::nullopt;
  int output = 0;
  nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, TakeOutput, &output);
  if (nl_send_auto(socket.get(), question.get()) < 0 || nl_recvmsgs_default(socket.get()) < 0)
    return std::nullopt;
  std::array<char, IF_NAMESIZE> name{};
  if (output <= 0 || ::if_indextoname(static_cast<unsigned>(output), name.data()) == nullptr)
    return std::nullopt;
  return std::string(name.data());
}

}  // namespace sysfs
