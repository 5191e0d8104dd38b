#include "sysfs/evidence/evidence.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "sysfs/caching_tree.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

void Append(Findings& all, Findings more) {
  std::move(more.evidence.begin(), more.evidence.end(), std::back_inserter(all.evidence));
  std::move(more.nodes.begin(), more.nodes.end(), std::back_inserter(all.nodes));
}

}  // namespace

std::string_view Name(UseKind kind) {
  constexpr std::array<std::string_view, 18> kNames = {
      "mount", "swap",         "holder",  "claim",   "open", "address", "route", "ssh",  "stack",
      "netns", "network-root", "display", "console", "usb",  "vf",      "mdev",  "vfio", "foreign"};
  static_assert(kNames.size() == static_cast<size_t>(UseKind::kForeign) + 1);
  return kNames.at(static_cast<size_t>(kind));
}

std::vector<Evidence> FindEvidence(const Tree& tree, const PciDevice& device,
                                   const EvidenceSources& sources) {
  // The finders ask for the same folders.
  const CachingTree cache(tree);
  const Search search = {cache, device, sources};
  Findings all;
  for (const auto find : {FindStorageUse, FindNetworkUse, FindFunctionUse, FindDisplayUse,
                          FindConsoleUse, FindVfioUse, FindNodeUse, FindForeignUse}) {
    Append(all, find(search));
  }
  AddHolders(search, all.nodes, all.evidence);
  // What refuses first, each in the order of the finders.
  std::stable_partition(all.evidence.begin(), all.evidence.end(),
                        [](const Evidence& piece) { return piece.refuses; });
  return std::move(all.evidence);
}

std::vector<Evidence> FindVfioHolders(const Tree& tree, const PciDevice& device,
                                      const EvidenceSources& sources) {
  const Search search = {tree, device, sources};
  std::vector<Evidence> evidence;
  AddHolders(search, FindVfioUse(search).nodes, evidence);
  return evidence;
}

}  // namespace sysfs
