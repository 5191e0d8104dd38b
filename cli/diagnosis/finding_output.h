// Findings as a page for a person and as JSON for a script.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/json_text.h"
#include "sysfs/diagnosis/finding.h"

namespace cli {

// A line for each finding: grade, check, text; below it the cure. Long texts go on under their
// start.
std::string FindingsText(const Context& context, const std::vector<sysfs::Finding>& findings);

// {"check", "grade", "text", "cure", "exit"}: `cure` and `exit` are null where there is none.
Json FindingsJson(const std::vector<sysfs::Finding>& findings);

// {"ok", "blockers", "warnings", "unknowns", "exit"}.
Json VerdictJson(const sysfs::Verdict& verdict);

// "2 blockers, 1 warning"; empty without either.
std::string CountText(const sysfs::Verdict& verdict);

}  // namespace cli
