#include "cli/diagnosis/explain_command.h"

#include <fmt/format.h>

#include <memory>
#include <span>

#include "cli/commands.h"
#include "cli/devices/busy.h"
#include "cli/devices/selector.h"
#include "cli/devices/use_marks.h"
#include "cli/diagnosis/finding_output.h"
#include "cli/exit_status.h"
#include "cli/table.h"
#include "sysfs/assignment/assignment.h"
#include "sysfs/diagnosis/device.h"
#include "sysfs/diagnosis/vfio_nodes.h"
#include "sysfs/drivers.h"
#include "sysfs/guarded.h"

namespace cli {
namespace {

using sysfs::Finding;

constexpr const char* kLockCure = "dmesg | tail tells whether its driver is stuck";

sysfs::AssignmentHost HostOf(const Context& context) {
  if (context.assignment_host) return context.assignment_host(*context.tree);
  return sysfs::MakeAssignmentHost(*context.tree);
}

// What finds the uses of a device; empty on a recorded host that does not tell them.
std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> UseOf(const Context& context) {
  if (!context.sysroot.empty()) return context.use_marks;
  return [&context](const sysfs::PciDevice& device) {
    sysfs::EvidenceSources sources = HostOf(context).sources;
    sources.claimed = ClaimsOfAwake(*context.tree, std::move(sources.claimed));
    return sysfs::FindEvidence(*context.tree, device, sources);
  };
}

std::vector<Finding> Diagnose(const Context& context, const sysfs::PciDevice& device) {
  const bool recorded = !context.sysroot.empty();
  const sysfs::Tree& tree = *context.tree;
  const auto sources = recorded ? sysfs::RecordedSources(tree) : sysfs::RunningSources();
  const auto find = UseOf(context);
  auto findings =
      sysfs::JudgeDevice(ReadDiagnosis(tree, device, ReadHostFacts(tree, sources), find));
  if (!recorded) {
    auto nodes =
        sysfs::JudgeVfioNodes(device.address, sysfs::ReadVfioWays(tree, device, sources.may_open));
    if (nodes) findings.push_back(std::move(*nodes));
    return findings;
  }
  if (find) {
    findings.push_back(
        sysfs::Unknown("processes", "a recorded host does not tell who has the device open"));
    return findings;
  }
  for (Finding& finding : findings) {
    if (finding.check == "in-use")
      finding = sysfs::Unknown("in-use", "this recorded host does not tell");
  }
  return findings;
}

std::string VerdictLine(const Context& context, const sysfs::PciDevice& device,
                        const sysfs::Verdict& verdict, bool bound) {
  const std::string counts = CountText(verdict);
  if (verdict.blockers > 0)
    return Styled(fmt::format("cannot be assigned: {}", counts), Style::kWarning, context.colour);
  std::string text = bound ? "ready: vmm run --assign " : "can be assigned: vassign bind ";
  text += device.address.ToString();
  if (!counts.empty()) text += fmt::format("  ({})", counts);
  return Styled(text, Style::kGood, context.colour);
}

base::Status RunExplain(Context& context, const std::string& selector) {
  const auto address = TRY(SelectOne(*context.tree, selector));
  auto device = TRY(sysfs::ReadDevice(*context.tree, address, sysfs::Detail::kUnlocked));
  sysfs::LockErrors errors;
  if (context.sysroot.empty()) {
    errors = sysfs::ReadGuarded(*context.tree, std::span(&device, 1));
  } else {
    sysfs::ReadLocked(*context.tree, device);
  }
  auto findings = Diagnose(context, device);
  if (device.busy)
    findings.push_back(sysfs::Unknown(
        "lock", errors.empty() ? std::string(kBusyReason) : errors.begin()->second, kLockCure));
  sysfs::SortByGrade(findings);
  const sysfs::Verdict verdict = sysfs::Judge(findings);
  context.status = verdict.blockers == 0 ? kDone : ExitStatus(verdict.code);
  if (context.json) {
    PrintJson(context.out, {{"schema", "vassign.explain/1"},
                            {"bdf", address.ToString()},
                            {"verdict", VerdictJson(verdict)},
                            {"findings", FindingsJson(findings)}});
    return {};
  }
  const bool bound = device.driver && sysfs::IsVfioDriver(*context.tree, *device.driver);
  context.out << fmt::format("{}  {}\n", address.ToString(),
                             Printable(context.names.Describe(device)))
              << VerdictLine(context, device, verdict, bound) << "\n\n"
              << FindingsText(context, findings);
  return {};
}

}  // namespace

void AddExplainCommand(CLI::App& app, Context& context) {
  auto selector = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("explain", "Say whether a device can be assigned, and what is in the way");
  command->add_option("DEV", *selector, "The device")->type_name("")->required();
  AddReadingOptions(*command, context);
  command->footer(
      "Exit status: 0 when the device can be assigned, else the status with which the first thing\n"
      "in its way would end `vassign bind` or `vmm run`. Root sees more: what is unknown says so.");
  command->callback([selector, &context] {
    context.run = [selector, &context] { return RunExplain(context, *selector); };
  });
}

}  // namespace cli
