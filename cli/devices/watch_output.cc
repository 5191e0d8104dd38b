#include "cli/devices/watch_output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "cli/json_text.h"
#include "cli/table.h"

namespace cli {
namespace {

using sysfs::PciDevice;

std::string TextOf(const std::optional<std::string>& value) { return value.value_or("none"); }
std::string TextOf(const std::optional<unsigned>& value) {
  return value ? std::to_string(*value) : "none";
}
std::string TextOf(const std::optional<Owner>& owner) {
  return owner ? fmt::format("{} (pid {})", owner->command, owner->pid) : "none";
}

template <class Value>
std::string Arrow(const Value& from, const Value& to) {
  return TextOf(from) + " -> " + TextOf(to);
}

std::string Describe(const PciDevice& device, const sysfs::Names& names) {
  std::string text = names.Describe(device);
  if (device.driver) text += ", driver " + *device.driver;
  if (device.iommu_group) text += fmt::format(", group {}", *device.iommu_group);
  return text;
}

std::string What(const Change& change, const sysfs::Names& names) {
  switch (change.kind) {
    case ChangeKind::kPresent:
    case ChangeKind::kAdded:
      return Describe(change.device(), names);
    case ChangeKind::kRemoved:
      return names.Describe(change.device());
    case ChangeKind::kBound:
      return TextOf(change.after->device.driver);
    case ChangeKind::kUnbound:
      return TextOf(change.before->device.driver);
    case ChangeKind::kOverride:
      return Arrow(change.before->device.driver_override, change.after->device.driver_override);
    case ChangeKind::kFunctions:
      return Arrow(change.before->device.sriov_numvfs, change.after->device.sriov_numvfs);
    case ChangeKind::kGroup:
      return Arrow(change.before->device.iommu_group, change.after->device.iommu_group);
    case ChangeKind::kOwner:
      return Arrow(change.before->owner, change.after->owner);
  }
  return {};
}

Style StyleOf(ChangeKind kind) {
  if (kind == ChangeKind::kAdded || kind == ChangeKind::kBound) return Style::kGood;
  if (kind == ChangeKind::kRemoved || kind == ChangeKind::kUnbound) return Style::kWarning;
  return Style::kPlain;
}

template <class Value>
Json OrNull(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json OrNull(const std::optional<Owner>& owner) {
  if (!owner) return nullptr;
  return {{"pid", owner->pid}, {"comm", owner->command}};
}

// The value that the change is about.
Json ValueOf(ChangeKind kind, const std::optional<WatchedDevice>& state) {
  if (!state) return nullptr;
  switch (kind) {
    case ChangeKind::kBound:
    case ChangeKind::kUnbound:
      return OrNull(state->device.driver);
    case ChangeKind::kOverride:
      return OrNull(state->device.driver_override);
    case ChangeKind::kFunctions:
      return OrNull(state->device.sriov_numvfs);
    case ChangeKind::kGroup:
      return OrNull(state->device.iommu_group);
    case ChangeKind::kOwner:
      return OrNull(state->owner);
    case ChangeKind::kPresent:
    case ChangeKind::kAdded:
    case ChangeKind::kRemoved:
      break;
  }
  return nullptr;
}

Json StateJson(const WatchedDevice& state) {
  const PciDevice& device = state.device;
  return {{"vendor", fmt::format("{:#06x}", device.vendor)},
          {"device", fmt::format("{:#06x}", device.device)},
          {"class", fmt::format("{:#08x}", device.class_code)},
          {"driver", OrNull(device.driver)},
          {"driver_override", OrNull(device.driver_override)},
          {"iommu_group", OrNull(device.iommu_group)},
          {"pf", device.physfn ? Json(device.physfn->ToString()) : Json(nullptr)},
          {"sriov_num", OrNull(device.sriov_numvfs)},
          {"owner", OrNull(state.owner)}};
}

}  // namespace

std::string WatchText(const Change& change, WatchTime time, const sysfs::Names& names,
                      bool colour) {
  const std::string kind = fmt::format("{:<9}", Name(change.kind));
  return fmt::format("{:%H:%M:%S}  {}  {}  {}",
                     fmt::localtime(std::chrono::system_clock::to_time_t(time)),
                     change.device().address.ToString(), Styled(kind, StyleOf(change.kind), colour),
                     Printable(What(change, names)));
}

std::string WatchJson(const Change& change, WatchTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count();
  const std::string when =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                  fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), left);
  const Json json = {{"schema", "vassign.watch/1"},
                     {"time", when},
                     {"bdf", change.device().address.ToString()},
                     {"change", Name(change.kind)},
                     {"from", ValueOf(change.kind, change.before)},
                     {"to", ValueOf(change.kind, change.after)},
                     {"state", change.after ? StateJson(*change.after) : Json(nullptr)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cli
