// What is on the disks of a device.
//
// Disks are found by their place in sysfs. With native NVMe multipath the disk below the device is
// hidden (nvme0c0n1) and the visible one belongs to the subsystem (nvme0n1), so the controllers'
// subsystems are looked through as well. From a disk the way goes to its partitions and to what is
// stacked on them (device mapper, md), and for each of those to mounts, swap and btrfs.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "sysfs/base/text.h"
#include "sysfs/evidence/mounts.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

constexpr std::string_view kBlock = "/sys/class/block/";

std::string BlockPath(const std::string& name) { return std::string(kBlock) + name; }

// nvme0n1, and neither nvme0c0n1 nor nvme0n1p2.
bool IsNamespace(std::string_view name) {
  constexpr std::string_view kPrefix = "nvme";
  if (!name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  const size_t at = name.find('n');
  return at != std::string_view::npos && base::ParseDecimal(name.substr(0, at)) &&
         base::ParseDecimal(name.substr(at + 1));
}

// Visible disks of the NVMe subsystems that a controller of the device belongs to.
std::vector<std::string> SubsystemDisks(const Tree& tree, const PciAddress& address) {
  const std::string subsystems = "/sys/class/nvme-subsystem";
  const auto controllers = NamesBelow(tree, "/sys/class/nvme", address);
  std::vector<std::string> disks;
  if (controllers.empty()) return disks;
  for (const std::string& subsystem : tree.List(subsystems).value_or(std::vector<std::string>())) {
    const auto members =
        tree.List(subsystems + "/" + subsystem).value_or(std::vector<std::string>());
    const bool ours = std::find_first_of(members.begin(), members.end(), controllers.begin(),
                                         controllers.end()) != members.end();
    if (!ours) continue;
    std::copy_if(members.begin(), members.end(), std::back_inserter(disks), IsNamespace);
  }
  return disks;
}

// A block device of ours and the way that led to it.
struct Block {
  std::string name;
  std::string via;  // "" for a disk or partition; "dm-0 <- nvme0n1p3" for what is stacked
};

class BlockGraph {
 public:
  BlockGraph(const Tree& tree, const std::vector<std::string>& disks) : tree_(tree) {
    for (const std::string& disk : disks) Add(disk, "");
  }

  const std::vector<Block>& blocks() const { return blocks_; }
  const std::vector<Evidence>& holders() const { return holders_; }

 private:
  // Each device once, so that a loop of links ends.
  void Add(const std::string& name, const std::string& via) {
    if (!seen_.insert(name).second) return;
    blocks_.push_back({name, via});
    const std::string path = BlockPath(name);
    for (const std::string& child : tree_.List(path).value_or(std::vector<std::string>())) {
      if (tree_.Exists(path + "/" + child + "/partition")) Add(child, via);
    }
    for (const std::string& holder :
         tree_.List(path + "/holders").value_or(std::vector<std::string>())) {
      holders_.push_back(HolderOf(name, holder));
      Add(holder, " (" + Title(holder) + " is on " + name + ")");
    }
  }

  // dm-0 is better known by its name.
  std::string Title(const std::string& name) const {
    const auto mapped = ReadText(tree_, BlockPath(name) + "/dm/name");
    return mapped ? name + " " + *mapped : name;
  }

  Evidence HolderOf(const std::string& name, const std::string& holder) const {
    const auto mapped = ReadText(tree_, BlockPath(holder) + "/dm/name");
    const std::string cure = mapped                     ? "dmsetup remove " + *mapped
                             : holder.starts_with("md") ? "mdadm --stop /dev/" + holder
                                                        : "take /dev/" + holder + " down first";
    return {fmt::format("{} is part of {}", name, Title(holder)), ForceReason::kMounted, cure};
  }

  const Tree& tree_;
  std::set<std::string> seen_;
  std::vector<Block> blocks_;
  std::vector<Evidence> holders_;
};

bool IsSourceNode(const Mount& mount, const std::string& name) {
  return mount.source.starts_with("/dev/") && base::LastComponent(mount.source) == name;
}

void FindMounts(const Tree& tree, const std::vector<Mount>& mounts, const Block& block,
                std::vector<Evidence>& found) {
  const std::string number = ReadText(tree, BlockPath(block.name) + "/dev").value_or("-");
  std::set<std::string> told;
  for (const Mount& mount : mounts) {
    // btrfs and others without a device number of their own say it in the source.
    const bool anonymous = mount.device.starts_with("0:");
    if (mount.device != number && !(anonymous && IsSourceNode(mount, block.name))) continue;
    if (!told.insert(mount.point).second) continue;
    const std::string where = mount.process.empty()
                                  ? std::string()
                                  : fmt::format(" in the mount namespace of pid {}", mount.process);
    const std::string what = mount.point == "/" && where.empty()
                                 ? std::string("holds the root file system of this host")
                                 : fmt::format("is mounted on {}{}", mount.point, where);
    const std::string cure =
        mount.point == "/" && where.empty() ? std::string()
        : where.empty()                     ? "umount " + mount.point
                        : fmt::format("nsenter -m -t {} umount {}", mount.process, mount.point);
    found.push_back(
        {fmt::format("{} {}{}", block.name, what, block.via), ForceReason::kMounted, cure});
  }
}

void FindSwap(const std::vector<std::string>& swaps, const Block& block,
              std::vector<Evidence>& found) {
  for (const std::string& path : swaps) {
    if (path.starts_with("/dev/") && base::LastComponent(path) == block.name)
      found.push_back({fmt::format("{} is swap space{}", block.name, block.via),
                       ForceReason::kMounted, "swapoff " + path});
  }
}

// A mounted btrfs of several devices is mounted under the name of one of them.
void FindBtrfs(const Tree& tree, const Block& block, std::vector<Evidence>& found) {
  const std::string root = "/sys/fs/btrfs";
  for (const std::string& id : tree.List(root).value_or(std::vector<std::string>())) {
    if (tree.Exists(fmt::format("{}/{}/devices/{}", root, id, block.name)))
      found.push_back(
          {fmt::format("{} is part of the mounted btrfs {}{}", block.name, id, block.via),
           ForceReason::kMounted, "umount that file system"});
  }
}

void FindOpen(const Tree& tree, const std::vector<Block>& blocks, const EvidenceSources& sources,
              std::vector<Evidence>& found) {
  std::vector<std::string> nodes;
  for (const Block& block : blocks) nodes.push_back("/dev/" + block.name);
  for (const Holder& holder : FindOtherHolders(tree, nodes, sources)) {
    found.push_back(
        {Describe(holder), ForceReason::kMounted, fmt::format("end pid {} first", holder.pid)});
  }
  if (!found.empty() || !sources.claimed) return;
  // Users that leave no trace above: ZFS, bcache, a kernel target.
  for (const std::string& node : nodes) {
    if (sources.claimed(node))
      found.push_back({node + " is claimed inside the kernel (a ZFS pool, a cache or a target)",
                       ForceReason::kMounted, "take down what uses it (zpool export ...)"});
  }
}

}  // namespace

std::vector<Evidence> FindStorageUse(const Tree& tree, const PciDevice& device,
                                     const EvidenceSources& sources) {
  std::vector<std::string> disks = NamesBelow(tree, "/sys/class/block", device.address);
  for (std::string& disk : SubsystemDisks(tree, device.address)) disks.push_back(std::move(disk));
  if (disks.empty()) return {};
  const BlockGraph graph(tree, disks);
  const auto mounts = ReadMounts(tree);
  const auto swaps = ParseSwaps(ReadText(tree, "/proc/swaps").value_or(std::string()));
  std::vector<Evidence> found;
  for (const Block& block : graph.blocks()) {
    FindMounts(tree, mounts, block, found);
    FindSwap(swaps, block, found);
    FindBtrfs(tree, block, found);
  }
  found.insert(found.end(), graph.holders().begin(), graph.holders().end());
  FindOpen(tree, graph.blocks(), sources, found);
  return found;
}

}  // namespace sysfs
