#include "cli/vassign.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "cli/assignment/bind_command.h"
#include "cli/assignment/reset_command.h"
#include "cli/assignment/restore_command.h"
#include "cli/assignment/status_command.h"
#include "cli/assignment/with_command.h"
#include "cli/automation/rules_command.h"
#include "cli/commands.h"
#include "cli/completion_command.h"
#include "cli/declared/commands.h"
#include "cli/devices/list_command.h"
#include "cli/devices/show_command.h"
#include "cli/devices/use_marks.h"
#include "cli/devices/watch_command.h"
#include "cli/diagnosis/doctor_command.h"
#include "cli/diagnosis/explain_command.h"
#include "cli/exit_status.h"
#include "cli/functions/command.h"
#include "cli/parse.h"
#include "cli/report.h"
#include "cli/snapshot/archive.h"
#include "cli/snapshot/snapshot_command.h"
#include "sysfs/evidence/recorded.h"

namespace cli {
namespace {

constexpr const char* kDescription =
    "Prepares PCI devices of this host for virtual machines: shows them, takes them from their\n"
    "drivers for VFIO, gives them back, and makes virtual functions.";

constexpr const char* kFooter =
    "A device (DEV, SELECTOR) is named by its address (08:00.0), a path below /sys, a network\n"
    "interface (eth0, net:eth0), a disk (/dev/nvme0n1, block:nvme0n1), vendor and device number\n"
    "(8086:10fb), an IOMMU group (group:14), as a virtual function (08:00.0#3, eth0#3-5) or by "
    "its\n"
    "entry in the declarative file.\n\n"
    "Exit status: 0 done or already so, 1 internal error, 2 usage, 3 no such device or ambiguous,\n"
    "4 in use, 5 group or IOMMU unfit, 6 permission, 7 refused by the kernel, 8 timed out,\n"
    "9 locked by another run, 10 partly done, 11 differences found, 12 unsupported kernel.";

base::Status RunChosen(Context& context) {
  std::optional<UnpackedSnapshot> snapshot;
  if (!context.sysroot.empty()) {
    if (!std::filesystem::is_directory(context.sysroot)) {
      snapshot.emplace(TRY(UnpackedSnapshot::Open(context.sysroot)));
      context.sysroot = snapshot->folder();
    }
    context.tree = sysfs::HostTree(context.sysroot);
    // Not those of the running host.
    context.use_marks = sysfs::TellsUse(*context.tree) ? RecordedUseMarks(*context.tree) : nullptr;
    context.close_look = nullptr;
    context.device_number = nullptr;
  }
  TRY(context.run());
  if (context.reader_left) return {};
  context.out.flush();
  if (!context.out) return base::Fail(base::Code::kInternal, "the output could not be written");
  return {};
}

// --json as typed: it counts even when the rest of the line is wrong.
bool WantsJson(int argc, const char* const* argv) {
  return std::any_of(argv, argv + argc,
                     [](const char* word) { return std::string_view(word) == "--json"; });
}

// The words of `with` up to --; what is behind it is another program's command line.
int SplitCommand(int argc, const char* const* argv, Context& context) {
  context.command.clear();
  if (argc < 2 || std::string_view(argv[1]) != "with") return argc;
  const char* const* end = argv + argc;
  const char* const* border =
      std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
  if (border != end) context.command.assign(border + 1, end);
  return static_cast<int>(border - argv);
}

}  // namespace

int RunVassign(int argc, const char* const* argv, Context& context) {
  constexpr std::string_view kName = "vassign";
  CLI::App app(kDescription, std::string(kName));
  app.set_version_flag("--version", std::string(kName) + " " VASSIGN_VERSION);
  app.footer(kFooter);
  app.require_subcommand(1);
  AddListCommand(app, context);
  AddShowCommand(app, context);
  AddExplainCommand(app, context);
  AddDoctorCommand(app, context);
  AddWatchCommand(app, context);
  AddBindCommand(app, context);
  AddRestoreCommand(app, context);
  AddResetCommand(app, context);
  AddWithCommand(app, context);
  AddStatusCommand(app, context);
  AddSriovCommand(app, context);
  AddPlanCommand(app, context);
  AddApplyCommand(app, context);
  AddConfirmCommand(app, context);
  AddRulesCommand(app, context);
  AddSnapshotCommand(app, context);
  AddCompletionCommand(app, context);

  context.status = kDone;
  argc = SplitCommand(argc, argv, context);
  const auto parsed = Parse(app, argc, argv, context.out);
  if (!parsed) {
    context.json = WantsJson(argc, argv);
    ReportError(kName, parsed.error(), context);
    return ExitStatus(parsed.error().code());
  }
  if (*parsed == Parsed::kShown) return kDone;
  const base::Status status = RunChosen(context);
  if (status) return context.status;
  ReportError(kName, status.error(), context);
  return ExitStatus(status.error().code());
}

}  // namespace cli
