#include "cli/declared/output.h"

#include <fmt/format.h>

#include "cli/functions/output.h"
#include "cli/json_text.h"
#include "cli/table.h"

namespace cli {
namespace {

// As a person would type it; what is not there yet is said in words.
std::vector<std::string> CommandsOf(const EntryPlan& plan) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& text) {
    size_t begin = 0;
    while (begin < text.size()) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  };
  for (const sysfs::AssignmentPlan& binding : plan.bindings) add(sysfs::Format(binding));
  if (plan.functions) {
    add(sriov::Format(plan.functions->steps));
    for (const std::string& line : plan.functions->later) lines.push_back("# then " + line);
  }
  for (const AccessChange& change : plan.access) lines.push_back(Format(change));
  return lines;
}

Json PlanJson(const EntryPlan& plan) {
  return {{"name", plan.entry.name},
          {"bdf", plan.found->device.address.ToString()},
          {"path", plan.found->device.identity.path},
          {"differences", plan.differences},
          {"steps", plan.empty() ? std::vector<std::string>() : CommandsOf(plan)}};
}

std::string LineOf(const EntryOutcome& one) {
  if (!one.changed) return one.address.ToString() + ": as wanted";
  std::string text;
  for (const sysfs::AssignmentResult& result : one.devices)
    text += (text.empty() ? "" : "; ") + sysfs::Format(result);
  if (one.functions) text += OutcomeLine(*one.functions);
  return text;
}

Json OutcomeJson(const EntryOutcome& one) {
  Json devices = Json::array();
  for (const sysfs::AssignmentResult& result : one.devices) {
    devices.push_back({{"bdf", result.address.ToString()},
                       {"driver_before", result.before ? Json(*result.before) : Json(nullptr)},
                       {"driver", result.after.driver ? Json(*result.after.driver) : Json(nullptr)},
                       {"nodes", result.nodes}});
  }
  return {{"name", one.name},
          {"bdf", one.address.ToString()},
          {"changed", one.changed},
          {"devices", std::move(devices)},
          {"pf", one.functions ? SriovJson(one.functions->after) : Json(nullptr)}};
}

}  // namespace

void PrintDeclared(Context& context, const DeclaredPlan& plan) {
  if (context.json) {
    Json entries = Json::array();
    for (const EntryPlan& entry : plan.entries) entries.push_back(PlanJson(entry));
    PrintJson(context.out, {{"schema", "vassign.plan/1"},
                            {"differs", !plan.empty()},
                            {"entries", std::move(entries)},
                            {"notes", plan.notes}});
    return;
  }
  for (const std::string& note : plan.notes) context.err << "note: " << note << '\n';
  for (const EntryPlan& entry : plan.entries) {
    const std::string head =
        fmt::format("{} ({})", entry.entry.name, entry.found->device.address.ToString());
    if (entry.empty()) {
      context.out << fmt::format("{}: as wanted\n", head);
      continue;
    }
    const std::string what = fmt::format("{}", fmt::join(entry.differences, ", "));
    context.out << fmt::format("{}: {}\n", head, Styled(what, Style::kWarning, context.colour));
    for (const std::string& line : CommandsOf(entry)) context.out << "  " << line << '\n';
  }
  if (plan.entries.empty()) context.out << "no entry for a device of this host\n";
}

void TellEntries(Context& context, const ApplyOutcome& outcome) {
  for (const EntryOutcome& one : outcome.entries)
    context.out << one.name << ": " << LineOf(one) << '\n';
  for (const std::string& note : outcome.notes) context.err << "note: " << note << '\n';
  context.out.flush();
}

void PrintApplied(Context& context, const ApplyOutcome& outcome, std::string_view ending) {
  if (!context.json) return;
  Json entries = Json::array();
  for (const EntryOutcome& one : outcome.entries) entries.push_back(OutcomeJson(one));
  Json errors = Json::array();
  for (const base::Error& error : outcome.errors) errors.push_back(error.message());
  PrintJson(context.out, {{"schema", "vassign.apply/1"},
                          {"changed", outcome.changed},
                          {"outcome", ending},
                          {"entries", std::move(entries)},
                          {"errors", std::move(errors)},
                          {"notes", outcome.notes}});
}

}  // namespace cli
