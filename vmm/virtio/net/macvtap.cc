// The one place of this folder that knows libnl.
#include "vmm/virtio/net/macvtap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/macvtap.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "sysfs/base/log.h"
#include "sysfs/base/text.h"

namespace vmm::virtio {
namespace {

using base::Code;
using base::Fail;

constexpr std::string_view kPrefix = "vmmtap";
constexpr unsigned kMost = 1024;
constexpr const char* kClass = "/sys/class/net";

struct FreeSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct PutLink {
  void operator()(rtnl_link* link) const { rtnl_link_put(link); }
};
struct PutAddress {
  void operator()(nl_addr* address) const { nl_addr_put(address); }
};
using Socket = std::unique_ptr<nl_sock, FreeSocket>;
using Link = std::unique_ptr<rtnl_link, PutLink>;
using Address = std::unique_ptr<nl_addr, PutAddress>;

base::Result<Socket> Connect() {
  Socket socket(nl_socket_alloc());
  if (!socket || nl_connect(socket.get(), NETLINK_ROUTE) < 0) {
    return Fail(Code::kKernel, "a netlink socket cannot be opened");
  }
  return socket;
}

// A name that is ours as long as the socket is open; not valid when somebody has it.
base::Fd Claim(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = "vmm/" + name;
  std::memcpy(address.sun_path + 1, text.data(), text.size());
  base::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  if (fd.valid() && ::bind(fd.raw(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    fd.Close();
  }
  return fd;
}

bool IsOurName(std::string_view name) {
  return name.starts_with(kPrefix) && base::ParseDecimal(name.substr(kPrefix.size()), kMost);
}

// Of an interface; 0 when it is not there.
int IndexOf(const sysfs::Tree& tree, const std::string& name) {
  const auto index = sysfs::ReadDecimal(tree, fmt::format("{}/{}/ifindex", kClass, name));
  return index && *index <= INT32_MAX ? static_cast<int>(*index) : 0;
}

// Of an interface, by the kernel's class for these devices: "tap12".
std::optional<std::string> NodeOf(const sysfs::Tree& tree, const std::string& name) {
  const auto nodes = tree.List(fmt::format("{}/{}/macvtap", kClass, name));
  if (!nodes || nodes->empty()) return std::nullopt;
  return nodes->front();
}

void Remove(nl_sock* socket, int index, const std::string& name) {
  const Link link(rtnl_link_alloc());
  if (!link) return;
  rtnl_link_set_ifindex(link.get(), index);
  const int error = rtnl_link_delete(socket, link.get());
  if (error < 0 && error != -NLE_NODEV && error != -NLE_OBJ_NOTFOUND) {
    base::Log(base::Level::kWarning, "{}: cannot be removed: {}; ip link delete {}", name,
              nl_geterror(error), name);
  }
}

base::Failure CannotMake(const std::string& lower, int error) {
  const std::string text = fmt::format("a macvtap over {}: {}", lower, nl_geterror(error));
  switch (std::abs(error)) {
    case NLE_PERM:
    case NLE_NOACCESS:
      return Fail(Code::kDenied, text, "making one needs CAP_NET_ADMIN; or use a tap: --net tap");
    case NLE_OPNOTSUPP:
      return Fail(Code::kUnsupported, text, "load its module: modprobe macvtap");
    case NLE_BUSY:
      return Fail(Code::kInUse, text,
                  "a bridge, bond or macvlan in another mode has the interface; use a tap: --net "
                  "tap");
    case NLE_INVAL:
      return Fail(Code::kUnfit, text, "it is no Ethernet interface; use a tap: --net tap");
    default:
      return Fail(Code::kKernel, text);
  }
}

// All multicast frames come: which the guest wants is not known here, and IPv6 lives by them.
base::Result<Link> Describe(const std::string& name, const std::string& lower, int index,
                            const Mac& mac) {
  if (index == 0) return Fail(Code::kNotFound, lower + ": there is no such interface");
  Link link(rtnl_link_macvtap_alloc());
  const Address address(nl_addr_build(AF_UNSPEC, mac.bytes.data(), mac.bytes.size()));
  if (!link || !address) return base::FailErrno("build a netlink message", ENOMEM);
  rtnl_link_set_name(link.get(), name.c_str());
  rtnl_link_set_link(link.get(), index);
  rtnl_link_set_addr(link.get(), address.get());
  rtnl_link_macvtap_set_mode(link.get(), MACVLAN_MODE_BRIDGE);
  rtnl_link_set_flags(link.get(), IFF_UP | IFF_ALLMULTI);
  return link;
}

base::Result<base::Fd> Open(const std::string& path, dev_t number) {
  base::Fd fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return base::FailErrno(path, errno);
  struct stat facts {};
  if (::fstat(fd.raw(), &facts) != 0) return base::FailErrno(path, errno);
  if (S_ISCHR(facts.st_mode) && facts.st_rdev == number) return fd;
  return Fail(Code::kNotFound, path + ": is another device");
}

// A node in a folder of our own, for a moment.
base::Result<base::Fd> OpenByNumber(dev_t number) {
  char folder[] = "/dev/.vmmtap-XXXXXX";
  if (::mkdtemp(folder) == nullptr) return base::FailErrno("/dev: a folder", errno);
  const std::string path = std::string(folder) + "/node";
  auto opened = [&]() -> base::Result<base::Fd> {
    if (::mknod(path.c_str(), S_IFCHR | 0600, number) != 0) return base::FailErrno(path, errno);
    return Open(path, number);
  }();
  ::unlink(path.c_str());
  ::rmdir(folder);
  return opened;
}

}  // namespace

struct Macvtap::Made {
  Made(std::string its_name, Mac its_mac, base::Fd its_claim, Socket its_socket, int its_index)
      : name(std::move(its_name)),
        mac(its_mac),
        claim(std::move(its_claim)),
        socket(std::move(its_socket)),
        index(its_index) {}
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;
  ~Made() { Remove(socket.get(), index, name); }

  std::string name;
  Mac mac;
  base::Fd claim;
  Socket socket;
  int index;
};

Macvtap::Macvtap(std::unique_ptr<Made> made) : made_(std::move(made)) {}
Macvtap::Macvtap(Macvtap&& other) noexcept = default;
Macvtap& Macvtap::operator=(Macvtap&& other) noexcept = default;
Macvtap::~Macvtap() = default;
const std::string& Macvtap::name() const { return made_->name; }
const Mac& Macvtap::mac() const { return made_->mac; }

base::Result<Macvtap> Macvtap::Create(const std::string& lower, const std::optional<Mac>& mac) {
  Socket socket = TRY(Connect());
  const auto tree = sysfs::HostTree();
  const Mac own = mac ? *mac : RandomMac();
  for (unsigned number = 0; number <= kMost; ++number) {
    std::string name = fmt::format("{}{}", kPrefix, number);
    base::Fd claim = Claim(name);
    if (!claim.valid() || IndexOf(*tree, name) != 0) continue;
    const Link link = TRY(Describe(name, lower, IndexOf(*tree, lower), own));
    const int error = rtnl_link_add(socket.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
    if (error < 0) return CannotMake(lower, error);
    const int index = IndexOf(*tree, name);
    base::Log(base::Level::kInfo, "{}: the macvtap over {} of the guest with {}", name, lower,
              own.Text());
    return Macvtap(
        std::make_unique<Made>(std::move(name), own, std::move(claim), std::move(socket), index));
  }
  return Fail(Code::kKernel, fmt::format("a macvtap over {}: all names are taken", lower));
}

base::Result<base::Fd> Macvtap::OpenNode() const {
  const auto tree = sysfs::HostTree();
  const auto node = NodeOf(*tree, name());
  const std::string number =
      node ? sysfs::ReadText(*tree, fmt::format("{}/{}/macvtap/{}/dev", kClass, name(), *node))
                 .value_or("")
           : "";
  const auto parts = base::Split(number, ':');
  const auto major = base::ParseDecimal(parts.front(), UINT32_MAX);
  const auto minor = parts.size() == 2 ? base::ParseDecimal(parts.back(), UINT32_MAX) : major;
  if (!node || !major || !minor || parts.size() != 2) {
    return Fail(Code::kKernel, name() + ": sysfs has no device file for it");
  }
  const dev_t device = ::makedev(static_cast<unsigned>(*major), static_cast<unsigned>(*minor));
  auto opened = Open("/dev/" + *node, device);
  if (opened || opened.error().code() != Code::kNotFound) return opened;
  return OpenByNumber(device);
}

std::vector<std::string> LeftMacvtaps(const sysfs::Tree& tree) {
  std::vector<std::string> left;
  for (const std::string& name : tree.List(kClass).value_or(std::vector<std::string>())) {
    if (IsOurName(name) && NodeOf(tree, name) && Claim(name).valid()) left.push_back(name);
  }
  return left;
}

void RemoveLeftMacvtaps(const sysfs::Tree& tree) {
  const std::vector<std::string> left = LeftMacvtaps(tree);
  if (left.empty()) return;
  const auto socket = Connect();
  if (!socket) return;
  for (const std::string& name : left) {
    const base::Fd claim = Claim(name);
    const int index = claim.valid() ? IndexOf(tree, name) : 0;
    if (index == 0) continue;
    base::Log(base::Level::kInfo, "{}: left by a machine that was killed: removed", name);
    Remove(socket->get(), index, name);
  }
}

}  // namespace vmm::virtio
