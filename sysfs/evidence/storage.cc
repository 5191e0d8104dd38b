// What is on the disks of a device.
//
// Disks are found by their place in sysfs. With native NVMe multipath the disk below the device is
// hidden (nvme0c0n1) and the visible one belongs to the subsystem (nvme0n1), so the controllers'
// subsystems are looked through as well. From a disk the way goes to its partitions and to what is
// stacked on them (device mapper, md, loop devices), and for each of those to mounts, swap, btrfs
// and what the kernel serves to others.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "sysfs/base/text.h"
#include "sysfs/evidence/disks.h"
#include "sysfs/evidence/mounts.h"
#include "sysfs/evidence/parts.h"
#include "sysfs/evidence/targets.h"

namespace sysfs {
namespace {

constexpr std::string_view kBlock = "/sys/class/block/";
constexpr size_t kLongestPath = 64;

using Names = std::vector<std::string>;

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

// A block device of ours and the way that led to it, itself last.
struct Block {
  std::string name;
  Names path;
};

// Visible disks of the NVMe subsystems that a controller of the device belongs to.
std::vector<Block> SubsystemDisks(const Tree& tree, const Places& places,
                                  const PciAddress& address) {
  const std::string subsystems = "/sys/class/nvme-subsystem";
  const auto controllers = places.FindBelow("/sys/class/nvme", address);
  std::vector<Block> disks;
  if (controllers.empty()) return disks;
  for (const std::string& subsystem : tree.List(subsystems).value_or(Names())) {
    const auto members = tree.List(subsystems + "/" + subsystem).value_or(Names());
    for (const Below& controller : controllers) {
      if (std::find(members.begin(), members.end(), controller.name) == members.end()) continue;
      for (const std::string& member : members) {
        Names path = controller.path;
        path.back() = member;
        if (IsNamespace(member)) disks.push_back({member, std::move(path)});
      }
    }
  }
  return disks;
}

// With their partitions, and what is hidden behind a subsystem's.
std::vector<Block> DisksOf(const Tree& tree, const Places& places, const PciAddress& address) {
  std::vector<Block> disks;
  for (Below& disk : places.FindBelow("/sys/class/block", address))
    disks.push_back({std::move(disk.name), std::move(disk.path)});
  for (Block& disk : SubsystemDisks(tree, places, address)) disks.push_back(std::move(disk));
  return disks;
}

// dm-0 is better known by its name.
std::string Title(const Tree& tree, const std::string& name) {
  const auto mapped = ReadText(tree, BlockPath(name) + "/dm/name");
  return mapped ? fmt::format("{} ({})", name, *mapped) : name;
}

// "vg--a-root" is the logical volume root of vg-a (lvm(8): a dash in a name is doubled).
std::string VolumeGroup(std::string_view mapped) {
  std::string group;
  for (size_t at = 0; at < mapped.size(); ++at) {
    if (mapped[at] == '-') {
      if (at + 1 == mapped.size() || mapped[at + 1] != '-') break;
      ++at;
    }
    group += mapped[at];
  }
  return group;
}

// The prefix of a mapping's UUID says who made it.
std::string TakeDown(const Tree& tree, const std::string& holder) {
  const auto mapped = ReadText(tree, BlockPath(holder) + "/dm/name");
  const std::string uuid = ReadText(tree, BlockPath(holder) + "/dm/uuid").value_or(std::string());
  if (mapped && uuid.starts_with("LVM-")) return "vgchange -an " + ShellWord(VolumeGroup(*mapped));
  if (mapped && uuid.starts_with("CRYPT-")) return "cryptsetup close " + ShellWord(*mapped);
  if (mapped && uuid.starts_with("mpath-")) return "multipath -f " + ShellWord(*mapped);
  if (mapped) return "dmsetup remove " + ShellWord(*mapped);
  if (holder.starts_with("loop")) return "losetup -d /dev/" + holder;
  if (holder.starts_with("md")) return "mdadm --stop /dev/" + holder;
  return "take /dev/" + holder + " down first";
}

// Block devices below loop devices, by name; they show no holder.
std::multimap<std::string, std::string> LoopsOver(const Tree& tree) {
  std::multimap<std::string, std::string> loops;
  for (const std::string& name : tree.List("/sys/class/block").value_or(Names())) {
    if (!name.starts_with("loop")) continue;
    const auto file = ReadText(tree, BlockPath(name) + "/loop/backing_file");
    if (file && file->starts_with("/dev/"))
      loops.emplace(base::LastComponent(base::Trim(*file)), name);
  }
  return loops;
}

class BlockGraph {
 public:
  BlockGraph(const Tree& tree, const std::vector<Block>& disks)
      : tree_(tree), loops_(LoopsOver(tree)) {
    for (const Block& disk : disks) Add(disk.name, disk.path);
  }

  const std::vector<Block>& blocks() const { return blocks_; }
  const std::vector<Evidence>& holders() const { return holders_; }

 private:
  // Each device once, so that a loop of links ends.
  void Add(const std::string& name, const Names& path) {
    if (path.size() > kLongestPath || !seen_.insert(name).second) return;
    blocks_.push_back({name, path});
    const std::string place = BlockPath(name);
    for (const std::string& child : tree_.List(place).value_or(Names())) {
      if (tree_.Exists(place + "/" + child + "/partition")) Add(child, Extend(path, child));
    }
    auto holders = tree_.List(place + "/holders").value_or(Names());
    const auto [first, last] = loops_.equal_range(name);
    for (auto loop = first; loop != last; ++loop) holders.push_back(loop->second);
    for (const std::string& holder : holders) {
      const Names upper = Extend(path, Title(tree_, holder));
      holders_.push_back({UseKind::kHolder, upper,
                          fmt::format("{} is part of {}", name, Title(tree_, holder)),
                          ForceReason::kMounted, TakeDown(tree_, holder)});
      Add(holder, upper);
    }
  }

  const Tree& tree_;
  const std::multimap<std::string, std::string> loops_;
  std::set<std::string> seen_;
  std::vector<Block> blocks_;
  std::vector<Evidence> holders_;
};

bool IsSourceNode(const Mount& mount, const std::string& name) {
  return mount.source.starts_with("/dev/") && base::LastComponent(mount.source) == name;
}

Evidence MountOf(const Search& search, const Mount& mount, const Block& block) {
  const std::string where = mount.process.empty()
                                ? std::string()
                                : fmt::format(" in the mount namespace of pid {}", mount.process);
  const std::string node = fmt::format("mounted on {}{}", mount.point, where);
  if (mount.point == "/" && where.empty()) {
    const std::string instead = FunctionsInstead(search.device);
    return {UseKind::kMount, Extend(block.path, node),
            block.name + " holds the root file system of this host", ForceReason::kMounted,
            "assign another device" + instead};
  }
  const std::string command = "umount " + ShellWord(mount.point);
  return {UseKind::kMount, Extend(block.path, node), fmt::format("{} is {}", block.name, node),
          ForceReason::kMounted,
          where.empty() ? command : fmt::format("nsenter -m -t {} {}", mount.process, command)};
}

void FindMounts(const Search& search, const std::vector<Mount>& mounts, const Block& block,
                std::vector<Evidence>& found) {
  const std::string number = ReadText(search.tree, BlockPath(block.name) + "/dev").value_or("-");
  std::set<std::string> told;
  for (const Mount& mount : mounts) {
    // btrfs and others without a device number of their own say it in the source.
    const bool anonymous = mount.device.starts_with("0:");
    if (mount.device != number && !(anonymous && IsSourceNode(mount, block.name))) continue;
    if (told.insert(mount.point).second) found.push_back(MountOf(search, mount, block));
  }
}

void FindSwap(const std::vector<std::string>& swaps, const Block& block,
              std::vector<Evidence>& found) {
  for (const std::string& path : swaps) {
    if (path.starts_with("/dev/") && base::LastComponent(path) == block.name)
      found.push_back({UseKind::kSwap, Extend(block.path, "swap space"),
                       block.name + " is swap space", ForceReason::kMounted,
                       "swapoff " + ShellWord(path)});
  }
}

// A mounted btrfs of several devices is mounted under the name of one of them.
void FindBtrfs(const Tree& tree, const Block& block, std::vector<Evidence>& found) {
  const std::string root = "/sys/fs/btrfs";
  for (const std::string& id : tree.List(root).value_or(Names())) {
    if (tree.Exists(fmt::format("{}/{}/devices/{}", root, id, block.name)))
      found.push_back({UseKind::kMount, Extend(block.path, "btrfs " + id),
                       fmt::format("{} is part of the mounted btrfs {}", block.name, id),
                       ForceReason::kMounted, "umount that file system"});
  }
}

void FindTargets(const std::vector<Served>& targets, const std::string& name, const Names& path,
                 std::vector<Evidence>& found) {
  for (const Served& one : targets) {
    if (one.name != name) continue;
    found.push_back(
        {UseKind::kClaim, Extend(path, one.target),
         fmt::format("{} is {} to others: {}", name,
                     one.enabled ? "served by the kernel" : "about to be served", one.target),
         ForceReason::kMounted, one.cure, one.enabled});
  }
}

// A namespace can also be driven past the block layer, by its generic node (ng0n1).
void WatchNodes(const Tree& tree, const Block& block, std::vector<WatchedNode>& nodes) {
  nodes.push_back({"/dev/" + block.name, block.path, UseKind::kOpen, ForceReason::kMounted, true});
  const std::string generic = "/dev/ng" + block.name.substr(std::min<size_t>(4, block.name.size()));
  if (IsNamespace(block.name) && tree.Exists(generic))
    nodes.push_back({generic, block.path, UseKind::kOpen, ForceReason::kMounted, false});
}

}  // namespace

std::vector<std::string> FindDisks(const Tree& tree, const PciAddress& address) {
  const Places places(tree);
  std::set<std::string> names;
  for (const Block& disk : DisksOf(tree, places, address)) {
    const std::string place = BlockPath(disk.name);
    const bool hidden = ReadDecimal(tree, place + "/hidden").value_or(0) != 0;
    if (!hidden && tree.Exists(place) && !tree.Exists(place + "/partition"))
      names.insert(disk.name);
  }
  return {names.begin(), names.end()};
}

Findings FindStorageUse(const Search& search) {
  const std::vector<Block> disks = DisksOf(search.tree, search.places, search.device.address);
  if (disks.empty()) return {};
  const BlockGraph graph(search.tree, disks);
  const auto mounts = ReadMounts(search.tree);
  const auto swaps = ParseSwaps(ReadText(search.tree, "/proc/swaps").value_or(std::string()));
  const auto targets = ReadTargets(search.tree);
  Findings found;
  for (const Block& block : graph.blocks()) {
    FindTargets(targets, block.name, block.path, found.evidence);
    FindMounts(search, mounts, block, found.evidence);
    FindSwap(swaps, block, found.evidence);
    FindBtrfs(search.tree, block, found.evidence);
    WatchNodes(search.tree, block, found.nodes);
  }
  for (const Below& one : search.places.FindBelow("/sys/class/nvme", search.device.address))
    FindTargets(targets, one.name, one.path, found.evidence);
  found.evidence.insert(found.evidence.end(), graph.holders().begin(), graph.holders().end());
  return found;
}

}  // namespace sysfs
