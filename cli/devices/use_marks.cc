#include "cli/devices/use_marks.h"

#include <fmt/format.h>

#include <memory>

#include "sysfs/evidence/evidence.h"

namespace cli {
namespace {

// The answer of the first call.
template <class Value>
std::function<Value()> Once(std::function<Value()> ask) {
  const auto answer = std::make_shared<std::optional<Value>>();
  return [answer, ask = std::move(ask)] {
    if (!*answer) *answer = ask();
    return **answer;
  };
}

sysfs::EvidenceSources SourcesOfAReport() {
  sysfs::EvidenceSources sources = sysfs::HostSources();
  // Asked of each candidate, an exclusive open would make a disk look busy to others: reports do
  // without it.
  sources.claimed = [](const std::string&) { return false; };
  sources.addresses = Once(std::move(sources.addresses));
  sources.routes = Once(std::move(sources.routes));
  return sources;
}

}  // namespace

std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> HostUseMarks(
    const sysfs::Tree& tree) {
  const auto finder = std::make_shared<sysfs::EvidenceFinder>(tree, SourcesOfAReport());
  return [finder](const sysfs::PciDevice& device) {
    if (device.is_bridge()) return std::vector<sysfs::Evidence>();  // what is behind it says so
    return finder->Find(device);
  };
}

std::string Marks(const std::vector<sysfs::Evidence>& evidence) {
  constexpr size_t kShown = 3;
  std::vector<std::string> marks;
  size_t count = 0;
  for (const sysfs::Evidence& piece : evidence) {
    if (!piece.refuses || ++count > kShown) continue;
    marks.push_back(piece.path.empty() ? piece.detail : piece.path.back());
  }
  if (count > kShown) marks.push_back(fmt::format("and {} more", count - kShown));
  return fmt::format("{}", fmt::join(marks, ", "));
}

std::vector<std::string> Chains(const std::vector<sysfs::Evidence>& evidence) {
  std::vector<std::string> chains;
  for (const sysfs::Evidence& piece : evidence) {
    if (piece.path.empty()) continue;
    sysfs::Evidence tail = piece;
    if (tail.path.size() > 1) tail.path.erase(tail.path.begin());
    chains.push_back(sysfs::Chain(tail) + (piece.refuses ? "" : " (does not refuse)"));
  }
  return chains;
}

}  // namespace cli
