// The running host's answers that are no files.
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <memory>

#include "sysfs/base/fd.h"
#include "sysfs/evidence/evidence.h"
#include "sysfs/evidence/route_dump.h"

namespace sysfs {
namespace {

struct FreeAddresses {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

unsigned PrefixOf(const ifaddrs& entry) {
  if (entry.ifa_netmask == nullptr) return 0;
  unsigned bits = 0;
  if (entry.ifa_addr->sa_family == AF_INET)
    return static_cast<unsigned>(
        std::popcount(reinterpret_cast<const sockaddr_in*>(entry.ifa_netmask)->sin_addr.s_addr));
  for (const uint8_t byte :
       reinterpret_cast<const sockaddr_in6*>(entry.ifa_netmask)->sin6_addr.s6_addr) {
    bits += static_cast<unsigned>(std::popcount(byte));
  }
  return bits;
}

std::optional<HostAddress> Translate(const ifaddrs& entry) {
  if (entry.ifa_addr == nullptr || (entry.ifa_flags & IFF_UP) == 0) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  HostAddress address{entry.ifa_name, "", false, 0};
  const void* raw = nullptr;
  if (entry.ifa_addr->sa_family == AF_INET) {
    raw = &reinterpret_cast<const sockaddr_in*>(entry.ifa_addr)->sin_addr;
  } else if (entry.ifa_addr->sa_family == AF_INET6) {
    const auto* six = &reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr)->sin6_addr;
    address.link_local = IN6_IS_ADDR_LINKLOCAL(six);
    raw = six;
  } else {
    return std::nullopt;
  }
  if (::inet_ntop(entry.ifa_addr->sa_family, raw, text.data(), text.size()) == nullptr)
    return std::nullopt;
  address.address = text.data();
  address.prefix = PrefixOf(entry);
  return address;
}

base::Result<std::vector<HostAddress>> ReadAddresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) < 0) return base::FailErrno("the addresses of interfaces", errno);
  const std::unique_ptr<ifaddrs, FreeAddresses> list(first);
  std::vector<HostAddress> addresses;
  for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
    if (auto address = Translate(*entry)) addresses.push_back(std::move(*address));
  }
  return addresses;
}

// Asked of every open file of every process: not of the server of a file system, which may be gone.
std::optional<uint64_t> ReadDeviceNumber(const std::string& path) {
  struct statx status = {};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &status) < 0)
    return std::nullopt;
  const uint64_t number = makedev(status.stx_rdev_major, status.stx_rdev_minor);
  if (S_ISCHR(status.stx_mode)) return number;
  // The two kinds count separately.
  if (S_ISBLK(status.stx_mode)) return number | uint64_t{1} << 63;
  return std::nullopt;
}

bool IsClaimed(const std::string& path) {
  const auto opened = base::OpenFile(path, O_RDONLY | O_EXCL | O_NONBLOCK);
  if (opened) return false;
  const int err = opened.error().err();
  // Without a descriptor or memory it is not known.
  return err == EBUSY || err == EMFILE || err == ENFILE || err == ENOMEM;
}

}  // namespace

EvidenceSources HostSources() {
  return {ReadAddresses, ReadDeviceNumber,     IsClaimed, ::getpid(), DumpRoutes,
          RouteTo,       FindDistantInterfaces};
}

}  // namespace sysfs
