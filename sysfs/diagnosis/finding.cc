#include "sysfs/diagnosis/finding.h"

#include <algorithm>

namespace sysfs {
namespace {

Finding Make(Grade grade, std::string check, std::string text, std::string cure) {
  Finding finding;
  finding.check = std::move(check);
  finding.grade = grade;
  finding.text = std::move(text);
  finding.cure = std::move(cure);
  return finding;
}

}  // namespace

std::string_view Name(Grade grade) {
  switch (grade) {
    case Grade::kGood:
      return "good";
    case Grade::kNote:
      return "note";
    case Grade::kUnknown:
      return "unknown";
    case Grade::kWarning:
      return "warning";
    case Grade::kBlocker:
      return "blocker";
  }
  return "unknown";
}

Verdict Judge(std::span<const Finding> findings) {
  Verdict verdict;
  for (const Finding& finding : findings) {
    verdict.worst = std::max(verdict.worst, finding.grade);
    if (finding.grade == Grade::kBlocker && verdict.blockers++ == 0) verdict.code = finding.code;
    if (finding.grade == Grade::kWarning) ++verdict.warnings;
    if (finding.grade == Grade::kUnknown) ++verdict.unknowns;
  }
  return verdict;
}

void SortByGrade(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.grade > b.grade; });
}

Finding Good(std::string check, std::string text) {
  return Make(Grade::kGood, std::move(check), std::move(text), {});
}

Finding Note(std::string check, std::string text, std::string cure) {
  return Make(Grade::kNote, std::move(check), std::move(text), std::move(cure));
}

Finding Unknown(std::string check, std::string text, std::string cure) {
  return Make(Grade::kUnknown, std::move(check), std::move(text), std::move(cure));
}

Finding Warning(std::string check, std::string text, std::string cure) {
  return Make(Grade::kWarning, std::move(check), std::move(text), std::move(cure));
}

Finding Blocks(std::string check, base::Code code, std::string text, std::string cure) {
  Finding finding = Make(Grade::kBlocker, std::move(check), std::move(text), std::move(cure));
  finding.code = code;
  return finding;
}

Finding Blocks(std::string check, const base::Error& error, std::string_view prefix) {
  std::string_view text = error.message();
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return Blocks(std::move(check), error.code(), std::string(text), error.hint());
}

}  // namespace sysfs
