#include "cli/devices/device_tree.h"

#include <algorithm>
#include <map>
#include <optional>

namespace cli {
namespace {

using sysfs::PciAddress;
using Index = size_t;

class Arrangement {
 public:
  Arrangement(std::span<const PlacedDevice> devices, bool fold)
      : devices_(devices),
        fold_(fold),
        children_(devices.size()),
        kept_(devices.size()),
        done_(devices.size()) {
    for (Index i = 0; i < devices.size(); ++i) places_.emplace(devices[i].device.address, i);
    std::vector<std::optional<Index>> parents;
    for (Index i = 0; i < devices.size(); ++i) parents.push_back(ParentOf(i));
    for (Index i = 0; i < devices.size(); ++i) {
      if (!devices[i].matches) continue;
      for (std::optional<Index> at = i; at && !kept_[*at]; at = parents[*at]) kept_[*at] = true;
    }
    for (Index i = 0; i < devices.size(); ++i) {
      if (kept_[i] && parents[i]) children_[*parents[i]].push_back(i);
      if (kept_[i] && !parents[i]) roots_.push_back(i);
    }
  }

  std::vector<TreeRow> Take() {
    for (const Index root : roots_) Visit(root, "", "");
    // Places in a circle have no root.
    for (Index i = 0; i < devices_.size(); ++i) {
      if (kept_[i]) Visit(i, "", "");
    }
    return std::move(rows_);
  }

 private:
  std::optional<Index> Find(const PciAddress& address) const {
    const auto found = places_.find(address);
    if (found == places_.end()) return std::nullopt;
    return found->second;
  }

  std::optional<Index> ParentOf(Index child) const {
    const PlacedDevice& one = devices_[child];
    if (one.device.physfn) {
      const auto physical = Find(*one.device.physfn);
      if (physical && *physical != child && !devices_[*physical].device.physfn) return physical;
    }
    for (auto bridge = one.bridges.rbegin(); bridge != one.bridges.rend(); ++bridge) {
      const auto found = Find(*bridge);
      if (found && *found != child) return found;
    }
    return std::nullopt;
  }

  bool IsFoldable(Index one) const {
    return fold_ && devices_[one].device.physfn && children_[one].empty();
  }

  // `first` leads the row itself, `rest` the rows below it.
  void Visit(Index one, const std::string& first, const std::string& rest) {
    if (done_[one]) return;
    done_[one] = true;
    rows_.push_back({first, {&devices_[one]}, false});
    std::vector<Index> single;
    TreeRow folded;
    for (const Index child : children_[one]) {
      if (!IsFoldable(child)) {
        single.push_back(child);
      } else if (!done_[child]) {
        done_[child] = true;
        folded.shown.push_back(&devices_[child]);
      }
    }
    for (const Index child : single) {
      const bool is_last = child == single.back() && folded.shown.empty();
      Visit(child, rest + (is_last ? "└─ " : "├─ "), rest + (is_last ? "   " : "│  "));
    }
    if (folded.shown.empty()) return;
    folded.branch = rest + "└─ ";
    folded.folded = true;
    rows_.push_back(std::move(folded));
  }

  std::span<const PlacedDevice> devices_;
  bool fold_;
  std::map<PciAddress, Index> places_;
  std::vector<std::vector<Index>> children_;
  std::vector<bool> kept_;  // matches, or something below it does
  std::vector<bool> done_;
  std::vector<Index> roots_;
  std::vector<TreeRow> rows_;
};

}  // namespace

std::vector<TreeRow> ArrangeTree(std::span<const PlacedDevice> devices, bool fold) {
  return Arrangement(devices, fold).Take();
}

}  // namespace cli
