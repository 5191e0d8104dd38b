#include "sysfs/evidence/namespaces.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"
#include "sysfs/holders.h"

namespace sysfs {
namespace {

using Names = std::vector<std::string>;

struct FreeNames {
  void operator()(struct if_nameindex* list) const { ::if_freenameindex(list); }
};

// The PCI function of an interface, as its driver tells ethtool(8).
std::optional<std::string> BusOf(const base::Fd& socket, const char* interface) {
  ethtool_drvinfo info = {};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request = {};
  std::string_view(interface).copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (!base::HostKernel().Ioctl(socket, SIOCETHTOOL, &request, "SIOCETHTOOL")) return std::nullopt;
  return std::string(info.bus_info, ::strnlen(info.bus_info, sizeof info.bus_info));
}

// In the thread that has entered the namespace.
void AddInterfaces(const NetworkNamespace& place, std::vector<DistantInterface>& found) {
  const base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::unique_ptr<struct if_nameindex[], FreeNames> names(::if_nameindex());
  if (!socket.valid() || !names) return;
  for (const auto* one = names.get(); one->if_index != 0; ++one) {
    auto bus = BusOf(socket, one->if_name);
    if (bus) found.push_back({std::move(*bus), one->if_name, place});
  }
}

std::optional<ino_t> InodeOf(const base::Fd& file) {
  struct stat status = {};
  if (::fstat(file.raw(), &status) < 0) return std::nullopt;
  return status.st_ino;
}

}  // namespace

std::vector<NetworkNamespace> ListNetworkNamespaces(const Tree& tree) {
  std::vector<NetworkNamespace> found;
  std::set<std::string> seen;
  if (const auto own = tree.ReadLink("/proc/self/ns/net")) seen.insert(*own);
  for (const int pid : ListProcesses(tree)) {
    const std::string folder = fmt::format("/proc/{}", pid);
    const auto space = tree.ReadLink(folder + "/ns/net");
    if (!space || !seen.insert(*space).second) continue;
    const std::string command = ReadText(tree, folder + "/comm").value_or("?");
    found.push_back({folder + "/ns/net", fmt::format("pid {} ({})", pid, command),
                     fmt::format("nsenter -n -t {}", pid)});
  }
  for (const std::string& name : tree.List("/run/netns").value_or(Names()))
    found.push_back({"/run/netns/" + name, "ip netns " + name, "ip netns exec " + ShellWord(name)});
  return found;
}

std::vector<DistantInterface> FindDistantInterfaces() {
  std::vector<DistantInterface> found;
  std::set<ino_t> seen;
  if (const auto own = base::OpenFile("/proc/self/ns/net", O_RDONLY)) {
    if (const auto inode = InodeOf(*own)) seen.insert(*inode);
  }
  for (const NetworkNamespace& place : ListNetworkNamespaces(*HostTree())) {
    const auto file = base::OpenFile(place.path, O_RDONLY);
    const auto inode = file ? InodeOf(*file) : std::nullopt;
    if (!inode || !seen.insert(*inode).second) continue;
    // The namespace belongs to a thread: ours stays where it is.
    std::thread([&] {
      if (::setns(file->raw(), CLONE_NEWNET) == 0) AddInterfaces(place, found);
    }).join();
  }
  return found;
}

}  // namespace sysfs
