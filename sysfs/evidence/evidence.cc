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

void AddUnread(const Search& search, std::vector<Evidence>& evidence) {
  const auto& what = search.unread.first();
  if (!what) return;
  const std::string text = "cannot be read: " + *what;
  evidence.push_back({UseKind::kUnknown,
                      {search.device.address.ToString(), text},
                      "whether it is in use is not known: " + *what,
                      std::nullopt,
                      "when this can be read again, run the command again"});
}

}  // namespace

std::string_view Name(UseKind kind) {
  constexpr std::array<std::string_view, 19> kNames = {
      "mount", "swap",  "holder", "claim",        "open",    "address", "route",
      "ssh",   "stack", "netns",  "network-root", "display", "console", "usb",
      "vf",    "mdev",  "vfio",   "foreign",      "unknown"};
  static_assert(kNames.size() == static_cast<size_t>(UseKind::kUnknown) + 1);
  return kNames.at(static_cast<size_t>(kind));
}

EvidenceFinder::EvidenceFinder(const Tree& tree, EvidenceSources sources)
    : cache_(tree),
      tree_(cache_, unread_),
      sources_(std::move(sources)),
      places_(tree_),
      open_(tree_, sources_.device_number) {}

std::vector<Evidence> EvidenceFinder::Find(const PciDevice& device) {
  const Search search = {tree_, device, sources_, places_, open_, unread_};
  Findings all;
  for (const auto find : {FindStorageUse, FindNetworkUse, FindFunctionUse, FindDisplayUse,
                          FindConsoleUse, FindVfioUse, FindNodeUse, FindForeignUse}) {
    Append(all, find(search));
  }
  AddHolders(search, all.nodes, all.evidence);
  AddUnread(search, all.evidence);
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
  Unread unread;
  const WitnessTree witness(tree, unread);
  const Places places(witness);
  OpenFiles open(witness, sources.device_number);
  const Search search = {witness, device, sources, places, open, unread};
  std::vector<Evidence> evidence;
  AddHolders(search, FindVfioUse(search).nodes, evidence);
  AddUnread(search, evidence);
  return evidence;
}

}  // namespace sysfs
