// Virtual functions as text and JSON ("vassign.sriov.show/1", ".set/1", ".vf/1", ".steps/1").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/json_text.h"
#include "sriov/change.h"

namespace cli {

// One physical function: a line about it, a table of its virtual ones.
std::string SriovText(const Context& context, const sriov::PhysicalFunction& pf);
Json SriovJson(const sriov::PhysicalFunction& pf);

// The steps, as commands or as JSON; says so when there is nothing to do.
void PrintSteps(Context& context, const sriov::PhysicalFunction& pf, const sriov::Steps& steps,
                const std::vector<std::string>& later);

// "0000:03:00.0 igb: 0 -> 4 virtual functions".
std::string OutcomeLine(const sriov::Outcome& outcome);
// The end state, with `schema`; notes go to Context::err in text.
void PrintOutcome(Context& context, std::string_view schema, const sriov::Outcome& outcome);

}  // namespace cli
