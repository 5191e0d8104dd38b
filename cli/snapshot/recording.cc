#include "cli/snapshot/recording.h"

namespace cli {
namespace {

// Whether a key of the sorted container is below the folder.
template <class Container, class Key>
bool HasBelow(const Container& all, const std::string& folder, Key key) {
  const std::string start = folder + "/";
  const auto next = all.lower_bound(start);
  return next != all.end() && key(*next).starts_with(start);
}

}  // namespace

std::set<std::string> EmptyFolders(const Recording& recording) {
  const auto first = [](const auto& entry) -> const std::string& { return entry.first; };
  const auto self = [](const std::string& entry) -> const std::string& { return entry; };
  std::set<std::string> empty;
  for (const std::string& folder : recording.folders) {
    const bool is_other = recording.files.contains(folder) || recording.links.contains(folder);
    if (!is_other && !HasBelow(recording.files, folder, first) &&
        !HasBelow(recording.links, folder, first) && !HasBelow(recording.folders, folder, self))
      empty.insert(folder);
  }
  return empty;
}

}  // namespace cli
