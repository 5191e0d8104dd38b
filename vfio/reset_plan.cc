#include "vfio/reset_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace vfio {
namespace {

std::string Names(const std::vector<sysfs::PciAddress>& devices) {
  std::string names;
  for (const sysfs::PciAddress& device : devices)
    names += (names.empty() ? "" : ", ") + device.ToString();
  return names;
}

std::vector<sysfs::PciAddress> InTheWay(const ResetFacts& facts) {
  std::vector<sysfs::PciAddress> others;
  if (!facts.set) return others;
  for (const ResetMember& member : *facts.set) {
    if (!member.ours) others.push_back(member.address);
  }
  return others;
}

ResetScope PlanAlone(const ResetFacts& facts) {
  ResetScope scope;
  scope.device = scope.leader = facts.device;
  const std::string first = facts.methods.names.empty() ? "" : facts.methods.names.front();
  if (facts.own && facts.methods.function_level()) {
    scope.kind = ResetKind::kFunction;
    scope.method = first;
    return scope;
  }
  scope.in_the_way = InTheWay(facts);
  if (facts.set && scope.in_the_way.empty()) {
    scope.kind = ResetKind::kHot;
    for (const ResetMember& member : *facts.set) {
      if (member.address != facts.device) scope.together.push_back(member.address);
    }
  } else if (facts.own) {
    scope.kind = ResetKind::kFunction;
    scope.method = first;
  }
  return scope;
}

bool Takes(const ResetScope& scope, const sysfs::PciAddress& device) {
  return scope.kind == ResetKind::kHot && scope.leader == scope.device &&
         std::find(scope.together.begin(), scope.together.end(), device) != scope.together.end();
}

}  // namespace

std::string ResetScope::Text() const {
  if (kind == ResetKind::kHot) {
    if (together.empty()) return "bus reset, of it alone";
    return "bus reset, together with " + Names(together);
  }
  const std::string others =
      in_the_way.empty()
          ? ""
          : fmt::format("; a bus reset would take {}, not of this machine", Names(in_the_way));
  if (kind == ResetKind::kNone)
    return others.empty() ? "none: the kernel knows no way" : "none" + others;
  if (method == "pm") return "by its power state, which may leave state behind (pm)" + others;
  return method.empty() ? "function reset" : fmt::format("function reset ({})", method);
}

std::vector<ResetScope> PlanResets(std::span<const ResetFacts> devices) {
  std::vector<ResetScope> scopes;
  for (const ResetFacts& facts : devices) {
    ResetScope scope = PlanAlone(facts);
    const auto known = std::find_if(scopes.begin(), scopes.end(), [&](const ResetScope& other) {
      return Takes(other, scope.device);
    });
    if (scope.kind == ResetKind::kHot && known != scopes.end()) scope.leader = known->leader;
    scopes.push_back(std::move(scope));
  }
  // A function that could be reset alone, but goes with its bus.
  for (ResetScope& scope : scopes) {
    if (scope.kind == ResetKind::kHot) continue;
    const auto taken = std::find_if(scopes.begin(), scopes.end(), [&](const ResetScope& other) {
      return Takes(other, scope.device);
    });
    if (taken == scopes.end()) continue;
    std::vector<sysfs::PciAddress> together = taken->together;
    std::replace(together.begin(), together.end(), scope.device, taken->device);
    scope = {scope.device, ResetKind::kHot, "", taken->device, std::move(together), {}};
  }
  return scopes;
}

}  // namespace vfio
