#include "sysfs/evidence/force.h"

#include <fmt/format.h>

#include <array>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

struct Row {
  ForceReason reason;
  std::string_view name;
  std::string_view risk;
};

constexpr std::array<Row, 8> kRows = {{
    {ForceReason::kMounted, "mounted",
     "the disk vanishes under its user: I/O errors, lost writes, perhaps a dead host"},
    {ForceReason::kNetdev, "netdev", "this host loses a network connection"},
    {ForceReason::kSsh, "ssh", "the session that runs this command is cut off"},
    {ForceReason::kConsole, "console", "the host's display goes dark, or its driver crashes"},
    {ForceReason::kGroup, "group",
     "a guest cannot start with the device until the group's other members are free"},
    {ForceReason::kAssigned, "assigned", "another process works with the device"},
    {ForceReason::kNoReset, "no-reset", "the next user meets what the last one left in the device"},
    {ForceReason::kForeign, "foreign", "two tools fight for the device"},
}};

const Row& RowOf(ForceReason reason) {
  for (const Row& row : kRows) {
    if (row.reason == reason) return row;
  }
  return kRows.front();
}

base::Failure Refuse(std::string message) {
  std::string names;
  for (const Row& row : kRows) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return base::Fail(base::Code::kUsage, std::move(message),
                    "name what you override: --force=REASON[,REASON], of " + names);
}

}  // namespace

std::string_view Name(ForceReason reason) { return RowOf(reason).name; }
std::string_view Risk(ForceReason reason) { return RowOf(reason).risk; }

base::Result<ForceSet> ParseForce(std::string_view text) {
  if (base::Trim(text).empty()) return Refuse("--force: a reason is missing");
  ForceSet reasons;
  for (const std::string_view part : base::Split(text, ',')) {
    const Row* found = nullptr;
    for (const Row& row : kRows) {
      if (row.name == base::Trim(part)) found = &row;
    }
    if (found == nullptr) return Refuse(fmt::format("--force={}: no such reason", part));
    reasons.insert(found->reason);
  }
  return reasons;
}

}  // namespace sysfs
