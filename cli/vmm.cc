#include "cli/vmm.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <string_view>

#include "cli/exit_status.h"
#include "cli/machines/ctl_command.h"
#include "cli/machines/plan_command.h"
#include "cli/machines/ps_command.h"
#include "cli/parse.h"
#include "cli/report.h"
#include "cli/run_command.h"

namespace cli {
namespace {

constexpr std::string_view kName = "vmm";
constexpr int kExecFailed = 125;

// --exec as typed: its status rule holds even when the rest of the line is wrong.
bool HasExec(int argc, const char* const* argv) {
  return std::any_of(argv, argv + argc, [](std::string_view word) {
    return word == "--exec" || word.starts_with("--exec=");
  });
}

}  // namespace

int RunVmm(int argc, const char* const* argv, Context& context) {
  CLI::App app("Runs virtual machines that own real PCI devices (KVM and VFIO).",
               std::string(kName));
  app.set_version_flag("--version", std::string(kName) + " " VASSIGN_VERSION);
  app.footer(
      "Exit status: 0 the guest powered off, 2 usage, 3 no such device\n"
      "or machine, 4 in use, 5 group, IOMMU or interrupt remapping unfit, 6 permission or limit,\n"
      "7 refused by the kernel, 8 timed out, 12 no KVM. With --exec the guest command's status, or "
      "125.");
  app.require_subcommand(1);
  AddRunCommand(app, context);
  AddMachinePlanCommand(app, context);
  AddPsCommand(app, context);
  AddCtlCommand(app, context);

  const auto fail = [&](const base::Error& error) {
    ReportError(kName, error, context);
    return HasExec(argc, argv) ? kExecFailed : ExitStatus(error.code());
  };
  const auto parsed = Parse(app, argc, argv, context.out);
  if (!parsed) return fail(parsed.error());
  if (*parsed == Parsed::kShown) return kDone;
  if (const base::Status status = context.run(); !status) return fail(status.error());
  return context.status;
}

}  // namespace cli
