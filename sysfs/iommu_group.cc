#include "sysfs/iommu_group.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "sysfs/drivers.h"

namespace sysfs {
namespace {

ReservedKind KindOf(std::string_view name) {
  if (name == "direct") return ReservedKind::kDirect;
  if (name == "direct-relaxable") return ReservedKind::kDirectRelaxable;
  if (name == "reserved") return ReservedKind::kReserved;
  if (name == "msi") return ReservedKind::kMsi;
  return ReservedKind::kOther;
}

// "0x00000000fee00000 0x00000000feefffff msi"
std::optional<ReservedRegion> ParseRegion(std::string_view line) {
  const auto words = base::Split(base::Trim(line), ' ');
  if (words.size() != 3) return std::nullopt;
  const auto start = base::ParseUnsigned(words[0]);
  const auto last = base::ParseUnsigned(words[1]);
  if (!start || !last || *last < *start) return std::nullopt;
  return ReservedRegion{*start, *last, KindOf(words[2]), std::string(words[2])};
}

}  // namespace

base::Result<IommuGroup> ReadGroup(const Tree& tree, unsigned id) {
  const std::string path = fmt::format("/sys/kernel/iommu_groups/{}", id);
  const auto names = tree.List(path + "/devices");
  if (!names) {
    if (names.error().code() != base::Code::kNotFound) return base::Failure(names.error());
    return base::Fail(base::Code::kNotFound, fmt::format("IOMMU group {}: no such group", id),
                      "vassign list -o bdf,group shows the groups");
  }
  IommuGroup group;
  group.id = id;
  group.type = ReadText(tree, path + "/type").value_or("");
  for (const std::string& name : *names) {
    if (const auto address = PciAddress::Parse(name)) group.members.push_back(*address);
  }
  std::sort(group.members.begin(), group.members.end());
  const std::string regions = ReadText(tree, path + "/reserved_regions").value_or("");
  for (const std::string_view line : base::Split(regions, '\n')) {
    if (auto region = ParseRegion(line)) group.reserved.push_back(std::move(*region));
  }
  return group;
}

std::vector<Blocker> FindBlockers(const Tree& tree, const IommuGroup& group) {
  std::vector<Blocker> blockers;
  for (const PciAddress& member : group.members) {
    const auto driver =
        LinkName(tree, fmt::format("/sys/bus/pci/devices/{}/driver", member.ToString()));
    if (driver && !IsManagedDmaDriver(tree, *driver)) blockers.push_back({member, *driver});
  }
  return blockers;
}

bool IsManagedDmaDriver(const Tree& tree, std::string_view driver) {
  return driver == "pci-stub" || driver == "pcieport" || IsVfioDriver(tree, driver);
}

}  // namespace sysfs
