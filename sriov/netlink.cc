// sriov/vf_links.h through libnl, and nothing else of libnl.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/sriov.h>
#include <netlink/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sriov/vf_links.h"

namespace sriov {
namespace {

static_assert(static_cast<int>(LinkState::kAuto) == IFLA_VF_LINK_STATE_AUTO);
static_assert(static_cast<int>(LinkState::kEnable) == IFLA_VF_LINK_STATE_ENABLE);
static_assert(static_cast<int>(LinkState::kDisable) == IFLA_VF_LINK_STATE_DISABLE);

struct FreeSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct PutLink {
  void operator()(rtnl_link* link) const { rtnl_link_put(link); }
};
struct PutFunction {
  void operator()(rtnl_link_vf* function) const { rtnl_link_vf_put(function); }
};
struct PutAddress {
  void operator()(nl_addr* address) const { nl_addr_put(address); }
};
struct PutVlans {
  void operator()(nl_vf_vlans_t* vlans) const { rtnl_link_vf_vlan_put(vlans); }
};
using Socket = std::unique_ptr<nl_sock, FreeSocket>;
using Link = std::unique_ptr<rtnl_link, PutLink>;
using Function = std::unique_ptr<rtnl_link_vf, PutFunction>;

// libnl folds the kernel's errno into numbers of its own.
int ErrnoOf(int error) {
  switch (std::abs(error)) {
    case NLE_OPNOTSUPP:
      return EOPNOTSUPP;
    case NLE_PERM:
    case NLE_NOACCESS:
      return EPERM;
    case NLE_INVAL:
      return EINVAL;
    case NLE_RANGE:
      return ERANGE;
    case NLE_BUSY:
      return EBUSY;
    case NLE_NOMEM:
      return ENOMEM;
    case NLE_NODEV:
    case NLE_OBJ_NOTFOUND:
      return ENODEV;
    case NLE_AGAIN:
      return EAGAIN;
    default:
      return EIO;
  }
}

base::Result<Socket> Connect() {
  Socket socket(nl_socket_alloc());
  if (!socket) return base::FailErrno("open a netlink socket", ENOMEM);
  const int error = nl_connect(socket.get(), NETLINK_ROUTE);
  if (error < 0) return base::FailErrno("open a netlink socket", ErrnoOf(error));
  // The table of many functions is longer than a page.
  nl_socket_enable_msg_peek(socket.get());
  return socket;
}

base::Result<Link> Find(const Socket& socket, const std::string& interface) {
  rtnl_link* link = nullptr;
  const int error = rtnl_link_get_kernel(socket.get(), 0, interface.c_str(), &link);
  if (error < 0) return base::FailErrno(interface, ErrnoOf(error));
  // An acknowledgement without an answer before it.
  if (link == nullptr) return base::FailErrno(interface, ENODEV);
  return Link(link);
}

std::optional<bool> Flag(int (*get)(rtnl_link_vf*, uint32_t*), rtnl_link_vf* function) {
  uint32_t value = 0;
  if (get(function, &value) != 0) return std::nullopt;
  return value != 0;
}

VfAttributes AttributesOf(rtnl_link_vf* function) {
  VfAttributes result;
  nl_addr* address = nullptr;
  if (rtnl_link_vf_get_addr(function, &address) == 0) {
    MacAddress mac;
    const size_t size = std::min<size_t>(nl_addr_get_len(address), mac.bytes.size());
    std::memcpy(mac.bytes.data(), nl_addr_get_binary_addr(address), size);
    result.mac = mac;
  }
  // libnl leaves out what is zero: no VLAN, no limits.
  result.vlan = Vlan();
  nl_vf_vlans_t* raw = nullptr;
  const bool has_vlans = rtnl_link_vf_get_vlans(function, &raw) == 0;
  const std::unique_ptr<nl_vf_vlans_t, PutVlans> vlans(raw);
  if (has_vlans && vlans->size > 0) {
    const nl_vf_vlan_info_t& first = vlans->vlans[0];
    if (first.vf_vlan != 0) {
      result.vlan = Vlan{static_cast<uint16_t>(first.vf_vlan),
                         static_cast<uint8_t>(first.vf_vlan_qos), first.vf_vlan_proto};
    }
  }
  result.rates = Rates();
  nl_vf_rate rate = {};
  if (rtnl_link_vf_get_rate(function, &rate) == 0)
    result.rates = Rates{rate.min_tx_rate, std::max(rate.max_tx_rate, rate.rate)};
  result.trust = Flag(rtnl_link_vf_get_trust, function);
  result.spoof_check = Flag(rtnl_link_vf_get_spoofchk, function);
  uint32_t value = 0;
  if (rtnl_link_vf_get_linkstate(function, &value) == 0 && value <= IFLA_VF_LINK_STATE_DISABLE)
    result.link = static_cast<LinkState>(value);
  return result;
}

base::Status Fill(rtnl_link_vf* function, const VfAttributes& attributes) {
  if (attributes.mac) {
    auto bytes = attributes.mac->bytes;
    const std::unique_ptr<nl_addr, PutAddress> address(
        nl_addr_build(AF_LLC, bytes.data(), bytes.size()));
    if (!address) return base::FailErrno("build a netlink message", ENOMEM);
    rtnl_link_vf_set_addr(function, address.get());
  }
  if (attributes.vlan) {
    nl_vf_vlans_t* raw = nullptr;
    if (rtnl_link_vf_vlan_alloc(&raw, 1) < 0)
      return base::FailErrno("build a netlink message", ENOMEM);
    const std::unique_ptr<nl_vf_vlans_t, PutVlans> vlans(raw);
    vlans->vlans[0].vf_vlan = attributes.vlan->id;
    vlans->vlans[0].vf_vlan_qos = attributes.vlan->qos;
    // libnl gives the protocol in the host's order and takes any but 802.1Q in the wire's.
    const uint16_t protocol = attributes.vlan->protocol;
    vlans->vlans[0].vf_vlan_proto = protocol == ETH_P_8021Q ? protocol : htons(protocol);
    rtnl_link_vf_set_vlans(function, vlans.get());
  }
  if (attributes.rates) {
    nl_vf_rate rate = {};
    rate.api = RTNL_LINK_VF_RATE_API_NEW;
    rate.max_tx_rate = attributes.rates->max;
    rate.min_tx_rate = attributes.rates->min;
    rtnl_link_vf_set_rate(function, &rate);
  }
  if (attributes.trust) rtnl_link_vf_set_trust(function, *attributes.trust ? 1 : 0);
  if (attributes.spoof_check) rtnl_link_vf_set_spoofchk(function, *attributes.spoof_check ? 1 : 0);
  if (attributes.link)
    rtnl_link_vf_set_linkstate(function, static_cast<uint32_t>(*attributes.link));
  return {};
}

class Netlink final : public VfLinks {
 public:
  base::Result<std::map<unsigned, VfAttributes>> Read(const std::string& interface) override {
    auto all = ReadAll(interface);
    if (!all) socket_.reset();
    return all;
  }

  base::Status Write(const std::string& interface, unsigned index,
                     const VfAttributes& attributes) override {
    base::Status written = WriteOne(interface, index, attributes);
    if (!written) socket_.reset();
    return written;
  }

 private:
  base::Result<std::map<unsigned, VfAttributes>> ReadAll(const std::string& interface) {
    TRY(Open());
    const Link link = TRY(Find(socket_, interface));
    std::map<unsigned, VfAttributes> all;
    uint32_t count = 0;
    if (rtnl_link_get_num_vf(link.get(), &count) < 0) return all;
    for (unsigned index = 0; index < count; ++index) {
      const Function function(rtnl_link_vf_get(link.get(), index));
      if (function) all[index] = AttributesOf(function.get());
    }
    return all;
  }

  base::Status WriteOne(const std::string& interface, unsigned index,
                        const VfAttributes& attributes) {
    TRY(Open());
    const Link link = TRY(Find(socket_, interface));
    const Link change(rtnl_link_alloc());
    const Function function(rtnl_link_vf_alloc());
    if (!change || !function) return base::FailErrno("build a netlink message", ENOMEM);
    rtnl_link_vf_set_index(function.get(), index);
    TRY(Fill(function.get(), attributes));
    if (rtnl_link_vf_add(change.get(), function.get()) < 0)
      return base::FailErrno("build a netlink message", ENOMEM);
    const int error = rtnl_link_change(socket_.get(), link.get(), change.get(), 0);
    if (error < 0) return base::FailErrno(interface, ErrnoOf(error));
    return {};
  }

  base::Status Open() {
    if (!socket_) socket_ = TRY(Connect());
    return {};
  }
  // From the first question on, until one fails: what may still come would be taken for the next
  // one's answer.
  Socket socket_;
};

}  // namespace

std::unique_ptr<VfLinks> NetlinkVfLinks() { return std::make_unique<Netlink>(); }

}  // namespace sriov
