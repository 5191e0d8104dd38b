#include "cli/diagnosis/finding_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/exit_status.h"
#include "cli/table.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using sysfs::Finding;
using sysfs::Grade;

constexpr size_t kGradeWidth = 9;
constexpr size_t kPageWidth = 100;
constexpr size_t kNarrowest = 60;

Style StyleOf(Grade grade) {
  switch (grade) {
    case Grade::kGood:
      return Style::kGood;
    case Grade::kBlocker:
    case Grade::kWarning:
      return Style::kWarning;
    case Grade::kNote:
    case Grade::kUnknown:
      return Style::kDim;
  }
  return Style::kPlain;
}

// The words of `text` in lines of at most `width` columns; the first line begins at `start`.
std::string Wrap(const std::string& text, size_t start, size_t width) {
  const std::string clean = Printable(text);
  std::string out;
  size_t column = start;
  for (const std::string_view word : base::Split(clean, ' ')) {
    const size_t length = DisplayWidth(word);
    if (column > start && column + 1 + length > width) {
      out += "\n" + std::string(start, ' ');
      column = start;
    }
    if (column > start) out += ' ', ++column;
    out += word;
    column += length;
  }
  return out;
}

}  // namespace

std::string FindingsText(const Context& context, const std::vector<Finding>& findings) {
  size_t check_width = 0;
  for (const Finding& finding : findings) check_width = std::max(check_width, finding.check.size());
  const size_t start = 2 + kGradeWidth + check_width + 2;
  const size_t width =
      context.width == 0 ? kPageWidth : std::clamp<size_t>(context.width, kNarrowest, kPageWidth);
  std::string text;
  for (const Finding& finding : findings) {
    const std::string grade = fmt::format("{:<{}}", Name(finding.grade), kGradeWidth);
    text += fmt::format("  {}{:<{}}  {}\n", Styled(grade, StyleOf(finding.grade), context.colour),
                        finding.check, check_width, Wrap(finding.text, start, width));
    if (finding.cure.empty()) continue;
    constexpr std::string_view kCure = "cure: ";
    text += fmt::format("{:{}}{}{}\n", "", start, kCure,
                        Wrap(finding.cure, start + kCure.size(), width));
  }
  return text;
}

Json FindingsJson(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    Json one = {{"check", finding.check},
                {"grade", Name(finding.grade)},
                {"text", finding.text},
                {"cure", nullptr},
                {"exit", nullptr}};
    if (!finding.cure.empty()) one["cure"] = finding.cure;
    if (finding.grade == Grade::kBlocker) one["exit"] = ExitStatus(finding.code);
    list.push_back(std::move(one));
  }
  return list;
}

Json VerdictJson(const sysfs::Verdict& verdict) {
  return {{"ok", verdict.blockers == 0},
          {"blockers", verdict.blockers},
          {"warnings", verdict.warnings},
          {"unknowns", verdict.unknowns},
          {"exit", verdict.blockers == 0 ? kDone : ExitStatus(verdict.code)}};
}

std::string CountText(const sysfs::Verdict& verdict) {
  const auto count = [](size_t n, std::string_view what) {
    return n == 0 ? std::string() : fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  const std::string blockers = count(verdict.blockers, "blocker");
  const std::string warnings = count(verdict.warnings, "warning");
  return blockers + (blockers.empty() || warnings.empty() ? "" : ", ") + warnings;
}

}  // namespace cli
