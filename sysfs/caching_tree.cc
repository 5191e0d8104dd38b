#include "sysfs/caching_tree.h"

namespace sysfs {
namespace {

template <class Value, class Read>
Value Remember(std::map<std::string, Value>& seen, const std::string& path, Read read) {
  if (const auto found = seen.find(path); found != seen.end()) return found->second;
  return seen.emplace(path, read()).first->second;
}

}  // namespace

base::Result<std::string> CachingTree::Read(const std::string& path) const {
  return Remember(texts_, path, [&] { return below_.Read(path); });
}

base::Result<std::vector<std::byte>> CachingTree::ReadBytes(const std::string& path,
                                                            size_t limit) const {
  return below_.ReadBytes(path, limit);
}

base::Result<std::string> CachingTree::ReadLink(const std::string& path) const {
  return Remember(links_, path, [&] { return below_.ReadLink(path); });
}

base::Result<std::vector<std::string>> CachingTree::List(const std::string& path) const {
  return Remember(lists_, path, [&] { return below_.List(path); });
}

bool CachingTree::Exists(const std::string& path) const {
  return Remember(exists_, path, [&] { return below_.Exists(path); });
}

base::Status CachingTree::Write(const std::string& path, std::string_view /*value*/) {
  return base::Fail(base::Code::kInternal, path + ": a report writes nothing");
}

}  // namespace sysfs
