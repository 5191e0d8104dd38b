// What was looked at on the way to a verdict, and what came of it. Values only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"

namespace sysfs {

// In the order of how much they matter.
enum class Grade : uint8_t {
  kGood,     // as it should be
  kNote,     // worth knowing
  kUnknown,  // could not be read; the text says what would tell
  kWarning,  // works, at a risk or a cost
  kBlocker,  // assignment fails on it
};
std::string_view Name(Grade grade);  // "good", "note", "unknown", "warning", "blocker"

struct Finding {
  std::string check;  // one word or two that stay the same: "iommu", "interrupt-remapping"
  Grade grade = Grade::kGood;
  std::string text;
  std::string cure;                      // a command or a setting; empty when nothing is to do
  base::Code code = base::Code::kUnfit;  // of a blocker: what a command that meets it ends with
  bool operator==(const Finding&) const = default;
};

struct Verdict {
  Grade worst = Grade::kGood;
  size_t blockers = 0;
  size_t warnings = 0;
  size_t unknowns = 0;
  // Of the first blocker; nothing to say without one.
  base::Code code = base::Code::kUnfit;
};
Verdict Judge(std::span<const Finding> findings);

// The most important first; those of one grade keep their order.
void SortByGrade(std::vector<Finding>& findings);

Finding Good(std::string check, std::string text);
Finding Note(std::string check, std::string text, std::string cure = {});
Finding Unknown(std::string check, std::string text, std::string cure = {});
Finding Warning(std::string check, std::string text, std::string cure = {});
Finding Blocks(std::string check, base::Code code, std::string text, std::string cure);
// An error that a command would end with: its message without `prefix` in front.
Finding Blocks(std::string check, const base::Error& error, std::string_view prefix);

}  // namespace sysfs
