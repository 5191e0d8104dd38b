#include "cli/diagnosis/doctor_command.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/diagnosis/finding_output.h"
#include "cli/exit_status.h"
#include "cli/table.h"
#include "sysfs/base/text.h"
#include "sysfs/diagnosis/host.h"
#include "vfio/memlock.h"

namespace cli {
namespace {

using sysfs::Finding;

constexpr uint64_t kSmallGuest = uint64_t{1} << 30;

// A guest's memory is locked while it owns a device. Root is not counted.
Finding JudgeMemlock(const sysfs::Tree& tree) {
  constexpr const char* kCheck = "memlock";
  const vfio::MemlockLimits limits = vfio::ReadMemlockLimits(tree);
  if (limits.exempt) return sysfs::Good(kCheck, "not limited for this user");
  const auto plan = vfio::PlanMemlock(vfio::MemlockNeeded(kSmallGuest), limits);
  const std::string hard =
      limits.hard == vfio::kUnlimited ? "unlimited" : base::FormatSize(limits.hard);
  if (plan) return sysfs::Good(kCheck, "this user may lock " + hard);
  return sysfs::Warning(kCheck,
                        fmt::format("this user may lock {}; a guest with 1 GiB and a "
                                    "device needs more",
                                    hard),
                        plan.error().hint());
}

std::string VerdictLine(const Context& context, const sysfs::Verdict& verdict) {
  const std::string counts = CountText(verdict);
  if (verdict.blockers > 0)
    return Styled("this host is not ready: " + counts, Style::kWarning, context.colour);
  const std::string text = "this host can give devices to guests";
  return Styled(counts.empty() ? text : fmt::format("{}  ({})", text, counts), Style::kGood,
                context.colour);
}

base::Status RunDoctor(Context& context) {
  const bool recorded = !context.sysroot.empty();
  const sysfs::Tree& tree = *context.tree;
  const auto sources = recorded ? sysfs::RecordedSources(tree) : sysfs::RunningSources();
  auto findings = sysfs::JudgeHost(sysfs::ReadHostFacts(tree, sources));
  if (!recorded) findings.push_back(JudgeMemlock(tree));
  const sysfs::Verdict verdict = sysfs::Judge(findings);
  context.status = verdict.blockers == 0 ? kDone : ExitStatus(verdict.code);
  if (context.json) {
    PrintJson(context.out, {{"schema", "vassign.doctor/1"},
                            {"verdict", VerdictJson(verdict)},
                            {"findings", FindingsJson(findings)}});
    return {};
  }
  context.out << FindingsText(context, findings) << "\n" << VerdictLine(context, verdict) << "\n";
  return {};
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("doctor", "Check whether this host is ready to give devices to guests");
  AddReadingOptions(*command, context);
  command->footer(
      "Exit status: 0 when nothing is in the way, else that of the first thing which is.");
  command->callback([&context] { context.run = [&context] { return RunDoctor(context); }; });
}

}  // namespace cli
