// Plans and ends of the declarative file as text and JSON ("vassign.plan/1", "vassign.apply/1").
#pragma once

#include <vector>

#include "cli/context.h"
#include "cli/declared/apply.h"

namespace cli {

void PrintDeclared(Context& context, const DeclaredPlan& plan);
void PrintApplied(Context& context, const ApplyOutcome& outcome, std::string_view ending);
// A line for each entry, and the notes.
void TellEntries(Context& context, const ApplyOutcome& outcome);

}  // namespace cli
