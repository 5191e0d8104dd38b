#include "cli/devices/use_marks.h"

#include <memory>

#include "sysfs/caching_tree.h"
#include "sysfs/evidence/evidence.h"

namespace cli {

std::function<std::vector<std::string>(const sysfs::PciDevice&)> HostUseMarks(
    const sysfs::Tree& tree) {
  const auto cache = std::make_shared<sysfs::CachingTree>(tree);
  const auto sources = std::make_shared<sysfs::EvidenceSources>(sysfs::HostSources());
  // Asked of each candidate, an exclusive open would make a disk look busy to others: reports do
  // without it.
  sources->claimed = [](const std::string&) { return false; };
  return [cache, sources](const sysfs::PciDevice& device) {
    std::vector<std::string> marks;
    if (device.is_bridge()) return marks;  // what is behind it says so itself
    for (const sysfs::Evidence& piece : sysfs::FindEvidence(*cache, device, *sources)) {
      marks.push_back(piece.detail);
    }
    return marks;
  };
}

}  // namespace cli
