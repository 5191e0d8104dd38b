#include "cli/devices/use_marks.h"

#include <fmt/format.h>

#include <memory>

#include "sysfs/base/text.h"
#include "sysfs/evidence/evidence.h"
#include "sysfs/evidence/recorded.h"

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
  sources.addresses = Once(std::move(sources.addresses));
  sources.routes = Once(std::move(sources.routes));
  sources.distant = Once(std::move(sources.distant));
  return sources;
}

std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> Look(
    const sysfs::Tree& tree, sysfs::EvidenceSources sources) {
  const auto finder = std::make_shared<sysfs::EvidenceFinder>(tree, std::move(sources));
  return [finder](const sysfs::PciDevice& device) {
    if (device.is_bridge()) return std::vector<sysfs::Evidence>();  // what is behind it says so
    return finder->Find(device);
  };
}

}  // namespace

std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> HostUseMarks(
    const sysfs::Tree& tree) {
  sysfs::EvidenceSources sources = SourcesOfAReport();
  sources.claimed = {};
  return Look(tree, std::move(sources));
}

std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> HostCloseLook(
    const sysfs::Tree& tree) {
  sysfs::EvidenceSources sources = SourcesOfAReport();
  sources.claimed = ClaimsOfAwake(tree, std::move(sources.claimed));
  return Look(tree, std::move(sources));
}

std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> RecordedUseMarks(
    const sysfs::Tree& tree) {
  return Look(tree, sysfs::RecordedEvidence(tree));
}

std::function<bool(const std::string&)> ClaimsOfAwake(
    const sysfs::Tree& tree, std::function<bool(const std::string&)> claimed) {
  if (!claimed) return {};
  return [&tree, claimed = std::move(claimed)](const std::string& node) {
    const std::string place = "/sys/class/block/" + std::string(base::LastComponent(node));
    // That of a partition is its disk's.
    for (const char* device : {"/device", "/../device"}) {
      if (sysfs::ReadText(tree, place + device + "/power/runtime_status") == "suspended")
        return false;
    }
    return claimed(node);
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
