#include "cli/devices/owners.h"

#include <algorithm>

#include "sysfs/base/text.h"

namespace cli {

Owners::Owners(const sysfs::Tree& tree, std::span<const std::string> nodes,
               const sysfs::DeviceNumber& number)
    : holders_(sysfs::FindHolders(tree, nodes, number)),
      // Descriptors of the first process are root's alone to see (proc(5)).
      sees_all_(tree.List("/proc/1/fd").has_value()) {}

// A node in another mount namespace has another path and, in practice, the same name.
std::optional<Owner> Owners::Of(std::span<const std::string> nodes) const {
  for (const sysfs::Holder& holder : holders_) {
    const bool is_ours = std::any_of(nodes.begin(), nodes.end(), [&](const std::string& node) {
      return base::LastComponent(node) == base::LastComponent(holder.node);
    });
    if (is_ours) return Owner{holder.pid, holder.command};
  }
  return std::nullopt;
}

}  // namespace cli
