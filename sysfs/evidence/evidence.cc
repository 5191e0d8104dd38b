#include "sysfs/evidence/evidence.h"

#include <algorithm>
#include <array>
#include <iterator>

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

EvidenceFinder::EvidenceFinder(const Tree& tree, EvidenceSources sources)
    : cache_(tree),
      sources_(std::move(sources)),
      places_(cache_),
      open_(cache_, sources_.device_number) {}

std::vector<Evidence> EvidenceFinder::Find(const PciDevice& device) {
  const Search search = {cache_, device, sources_, places_, open_};
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

std::vector<Evidence> FindEvidence(const Tree& tree, const PciDevice& device,
                                   const EvidenceSources& sources) {
  return EvidenceFinder(tree, sources).Find(device);
}

std::vector<Evidence> FindVfioHolders(const Tree& tree, const PciDevice& device,
                                      const EvidenceSources& sources) {
  const Places places(tree);
  OpenFiles open(tree, sources.device_number);
  const Search search = {tree, device, sources, places, open};
  std::vector<Evidence> evidence;
  AddHolders(search, FindVfioUse(search).nodes, evidence);
  return evidence;
}

}  // namespace sysfs
