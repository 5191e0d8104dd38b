#include "sysfs/evidence/namespaces.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/text.h"
#include "sysfs/evidence/link_dump.h"
#include "sysfs/evidence/parts.h"
#include "sysfs/holders.h"

namespace sysfs {
namespace {

using Names = std::vector<std::string>;

struct FreeNames {
  void operator()(struct if_nameindex* list) const { ::if_freenameindex(list); }
};

// The PCI function of an interface, as its driver tells ethtool(8).
std::optional<std::string> BusOf(const base::Fd& socket, std::string_view interface) {
  ethtool_drvinfo info = {};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request = {};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (!base::HostKernel().Ioctl(socket, SIOCETHTOOL, &request, "SIOCETHTOOL")) return std::nullopt;
  return std::string(info.bus_info, ::strnlen(info.bus_info, sizeof info.bus_info));
}

// The names of interfaces here by their index.
using Indices = std::map<unsigned, std::string>;

Indices OurInterfaces() {
  Indices indices;
  const std::unique_ptr<struct if_nameindex[], FreeNames> names(::if_nameindex());
  for (const auto* one = names.get(); one != nullptr && one->if_index != 0; ++one)
    indices.emplace(one->if_index, one->if_name);
  return indices;
}

// In the thread that has entered the namespace. A driver is asked only for an interface whose
// parent the kernel does not name: one of a virtio device, or before Linux 5.14.
void AddInterfaces(const base::Fd& home, const Indices& ours, const NetworkNamespace& place,
                   std::vector<DistantInterface>& found) {
  auto links = DumpLinks(home);
  const base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!links) return found.push_back({links.error().message(), "", place});
  if (!socket.valid()) return found.push_back({"interfaces: no descriptor", "", place});
  for (NetworkLink& link : *links) {
    if (link.device.empty()) link.device = BusOf(socket, link.name).value_or("");
    const auto lower = link.lower ? ours.find(*link.lower) : ours.end();
    const std::string below = lower == ours.end() ? std::string() : lower->second;
    if (!link.device.empty() || !below.empty())
      found.push_back({std::move(link.device), std::move(link.name), place, below});
  }
}

// Whether a namespace that could not be entered may hide interfaces: it has not just ended, is not
// forbidden to us, and is one at all (a name that is left in /run/netns is a plain file).
bool Hides(int err) {
  return err != ENOENT && err != ESRCH && err != EACCES && err != EPERM && err != EINVAL;
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
  const auto home = base::OpenFile("/proc/self/ns/net", O_RDONLY);
  if (!home) return found;
  if (const auto inode = InodeOf(*home)) seen.insert(*inode);
  const Indices ours = OurInterfaces();
  for (const NetworkNamespace& place : ListNetworkNamespaces(*HostTree())) {
    const auto file = base::OpenFile(place.path, O_RDONLY);
    if (!file && Hides(file.error().err())) found.push_back({file.error().message(), "", place});
    const auto inode = file ? InodeOf(*file) : std::nullopt;
    if (!inode || !seen.insert(*inode).second) continue;
    // The namespace belongs to a thread: ours stays where it is.
    std::thread([&] {
      if (::setns(file->raw(), CLONE_NEWNET) == 0) return AddInterfaces(*home, ours, place, found);
      if (Hides(errno))
        found.push_back({base::FailErrno("setns", errno).value().message(), "", place});
    }).join();
  }
  return found;
}

}  // namespace sysfs
