#include "sysfs/evidence/link_dump.h"

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sysfs/evidence/netlink.h"

namespace sysfs {
namespace {

// With the number of the lower interface's namespace; negative: there is none, or it is this one.
using Links = std::vector<std::pair<int, NetworkLink>>;

std::string TextOf(nlattr* attribute) {
  return attribute == nullptr ? std::string() : std::string(nla_get_string(attribute));
}

int AddLink(nl_msg* message, void* links) {
  nlmsghdr* header = nlmsg_hdr(message);
  std::array<nlattr*, IFLA_MAX + 1> attributes{};
  if (header->nlmsg_type != RTM_NEWLINK ||
      nlmsg_parse(header, sizeof(ifinfomsg), attributes.data(), IFLA_MAX, nullptr) < 0 ||
      attributes[IFLA_IFNAME] == nullptr)
    return NL_OK;
  NetworkLink link;
  link.name = TextOf(attributes[IFLA_IFNAME]);
  if (TextOf(attributes[IFLA_PARENT_DEV_BUS_NAME]) == "pci")
    link.device = TextOf(attributes[IFLA_PARENT_DEV_NAME]);
  int place = NETNSA_NSID_NOT_ASSIGNED;
  if (attributes[IFLA_LINK] != nullptr && attributes[IFLA_LINK_NETNSID] != nullptr) {
    link.lower = nla_get_u32(attributes[IFLA_LINK]);
    place = nla_get_s32(attributes[IFLA_LINK_NETNSID]);
  }
  static_cast<Links*>(links)->push_back({place, std::move(link)});
  return NL_OK;
}

constexpr std::string_view kWhat = "interfaces";

base::Result<Links> DumpAll() {
  Links links;
  const int result = DumpRouting(RTM_GETLINK, ifinfomsg{}, AddLink, &links, [&] { links.clear(); });
  if (result < 0) return FailRouting(kWhat, result);
  return links;
}

int TakeNumber(nl_msg* message, void* number) {
  std::array<nlattr*, NETNSA_MAX + 1> attributes{};
  if (nlmsg_parse(nlmsg_hdr(message), sizeof(rtgenmsg), attributes.data(), NETNSA_MAX, nullptr) >=
          0 &&
      attributes[NETNSA_NSID] != nullptr)
    *static_cast<int*>(number) = nla_get_s32(attributes[NETNSA_NSID]);
  return NL_OK;
}

// What this namespace calls `home`; negative when it does not know it.
base::Result<int> NumberOf(const base::Fd& home) {
  int number = NETNSA_NSID_NOT_ASSIGNED;
  const NetlinkSocket socket = ConnectToRouting();
  const NetlinkMessage question(nlmsg_alloc_simple(RTM_GETNSID, 0));
  rtgenmsg request = {};
  if (!socket || !question ||
      nlmsg_append(question.get(), &request, sizeof request, NLMSG_ALIGNTO) < 0 ||
      nla_put_u32(question.get(), NETNSA_FD, static_cast<uint32_t>(home.raw())) < 0)
    return FailRouting(kWhat, -NLE_NOMEM);
  nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, TakeNumber, &number);
  int result = nl_send_auto(socket.get(), question.get());
  if (result >= 0) result = nl_recvmsgs_default(socket.get());
  if (result < 0) return FailRouting(kWhat, result);
  return number;
}

}  // namespace

base::Result<std::vector<NetworkLink>> DumpLinks(const base::Fd& home) {
  std::vector<NetworkLink> found;
  // Telling a link is what gives the namespace of its lower one a number.
  Links links = TRY(DumpAll());
  const bool leans = std::any_of(links.begin(), links.end(),
                                 [](const auto& one) { return one.second.lower.has_value(); });
  const int number = leans ? TRY(NumberOf(home)) : NETNSA_NSID_NOT_ASSIGNED;
  for (auto& [place, link] : links) {
    if (place < 0 || place != number) link.lower.reset();
    found.push_back(std::move(link));
  }
  return found;
}

}  // namespace sysfs
