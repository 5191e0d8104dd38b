#include "sysfs/evidence/address_dump.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/evidence/netlink.h"

namespace sysfs {
namespace {

struct Address {
  unsigned interface = 0;
  HostAddress value;
};
using Addresses = std::vector<Address>;

int AddAddress(nl_msg* message, void* addresses) {
  nlmsghdr* header = nlmsg_hdr(message);
  std::array<nlattr*, IFA_MAX + 1> attributes{};
  if (header->nlmsg_type != RTM_NEWADDR ||
      nlmsg_parse(header, sizeof(ifaddrmsg), attributes.data(), IFA_MAX, nullptr) < 0)
    return NL_OK;
  const auto* entry = static_cast<const ifaddrmsg*>(nlmsg_data(header));
  // Of a point-to-point interface IFA_ADDRESS is the other end's.
  nlattr* own = attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
  const bool is_ipv6 = entry->ifa_family == AF_INET6;
  const int size = is_ipv6 ? sizeof(in6_addr) : sizeof(in_addr);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if ((!is_ipv6 && entry->ifa_family != AF_INET) || own == nullptr || nla_len(own) < size ||
      ::inet_ntop(entry->ifa_family, nla_data(own), text.data(), text.size()) == nullptr)
    return NL_OK;
  in6_addr six = {};
  if (is_ipv6) std::memcpy(&six, nla_data(own), sizeof six);
  static_cast<Addresses*>(addresses)->push_back(
      {entry->ifa_index,
       {"", text.data(), is_ipv6 && IN6_IS_ADDR_LINKLOCAL(&six), entry->ifa_prefixlen}});
  return NL_OK;
}

base::Result<Addresses> DumpAll() {
  Addresses addresses;
  const int result =
      DumpRouting(RTM_GETADDR, ifaddrmsg{}, AddAddress, &addresses, [&] { addresses.clear(); });
  if (result < 0) return FailRouting("addresses", result);
  return addresses;
}

// Of an interface that has just gone nothing is told.
base::Result<bool> IsUp(const base::Fd& socket, const std::string& interface) {
  ifreq request = {};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  const auto asked = base::HostKernel().Ioctl(socket, SIOCGIFFLAGS, &request, "SIOCGIFFLAGS");
  if (!asked && asked.error().err() != ENODEV) return base::Failure(asked.error());
  return asked && (request.ifr_flags & IFF_UP) != 0;
}

}  // namespace

base::Result<std::vector<HostAddress>> DumpAddresses() {
  Addresses addresses = TRY(DumpAll());
  const base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return base::FailErrno("addresses", errno);
  std::vector<HostAddress> found;
  for (Address& one : addresses) {
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(one.interface, name.data()) == nullptr) {
      if (errno == ENXIO) continue;
      return base::FailErrno("the name of an interface", errno);
    }
    one.value.interface = name.data();
    if (TRY(IsUp(socket, one.value.interface))) found.push_back(std::move(one.value));
  }
  return found;
}

}  // namespace sysfs
