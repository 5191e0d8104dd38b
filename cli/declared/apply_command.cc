// `vassign apply`: the host as the declarative file has it.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "cli/automation/automation.h"
#include "cli/declared/commands.h"
#include "cli/declared/guard.h"
#include "cli/declared/host.h"
#include "cli/declared/output.h"
#include "cli/declared/undo.h"
#include "cli/devices/selector.h"
#include "cli/exit_status.h"
#include "cli/kernel_lines.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

struct ApplyOptions {
  std::string file;
  std::string device;
  std::vector<std::string> repin;
  std::string confirm;
  bool boot = false;
  ChangingOptions changing;
};

base::Result<ApplyRequest> RequestOf(const Context& context, const ApplyOptions& options) {
  ApplyRequest request;
  request.pid = ::getpid();
  request.selection.repin.insert(options.repin.begin(), options.repin.end());
  if (!options.device.empty())
    request.selection.only = TRY(SelectOne(*context.tree, options.device));
  if (options.confirm.empty()) return request;
  const auto seconds = base::ParseDecimal(options.confirm, 86400);
  if (!seconds || *seconds == 0) {
    return base::Fail(base::Code::kUsage, "--confirm " + options.confirm + ": not from 1 to 86400",
                      "the seconds after which an apply is undone that nobody confirms");
  }
  if (options.boot)
    return base::Fail(base::Code::kUsage, "--confirm: nobody is there to confirm at boot");
  request.confirm = static_cast<unsigned>(*seconds);
  request.start_guard = context.start_guard ? context.start_guard : [] { return StartGuard(); };
  return request;
}

void TellLeft(Context& context, unsigned left) {
  if (!context.progress) return;
  context.err << (left > 0 ? fmt::format("\rundone in {} s unless you press Enter, or vassign "
                                         "confirm runs \x1b[K",
                                         left)
                           : "\rthe time is over: it is being undone \x1b[K");
  context.err.flush();
}

// How a waiting apply ended, in one word or sentence, and as a result.
struct End {
  std::string outcome;
  base::Status status;
};

End Kept() { return {"kept", {}}; }

End Ended(const sysfs::Journal& journal) {
  const std::string outcome = LastOutcome(journal);
  if (outcome == "kept") return Kept();
  return {outcome, base::Fail(base::Code::kTimedOut, "the change was " + outcome,
                              "apply again, and confirm in time")};
}

End NotUndone(const sysfs::Journal& journal, int pid) {
  const std::string why = LastFailure(journal, pid);
  if (why.empty()) return Ended(journal);
  return {"not undone yet",
          base::Fail(base::Code::kPartial,
                     fmt::format("nobody confirmed, and the undo failed; it is tried again every "
                                 "{} s: {}",
                                 kGuardRetry / 1000, why),
                     "end what is in the way; vassign status shows when all is undone")};
}

// Does the guard's work when that has died.
base::Result<Ending> AwaitOrUndo(Context& context, DeclaredHost& host, uint64_t deadline) {
  const bool reads_enter = context.progress && ::isatty(STDIN_FILENO) == 1;
  while (true) {
    const Ending ending = TRY(AwaitEnding(host.assignment().journal, deadline, reads_enter,
                                          [&](unsigned left) { TellLeft(context, left); }));
    if (ending != Ending::kOverdue) return ending;
    const base::Status undone = UndoOverdue(host);
    if (!undone && undone.error().code() != base::Code::kLocked)
      return base::Failure(undone.error());
  }
}

base::Result<End> AwaitConfirmation(Context& context, DeclaredHost& host,
                                    const ApplyRequest& request, const ApplyOutcome& outcome) {
  const sysfs::Journal& journal = host.assignment().journal;
  if (!context.progress) {
    context.err << fmt::format("undone in {} s unless vassign confirm runs\n",
                               (outcome.deadline - MillisecondsSinceBoot() + 999) / 1000);
    context.err.flush();
  }
  const Ending ending = TRY(AwaitOrUndo(context, host, outcome.deadline));
  if (context.progress) context.err << '\n';
  if (ending == Ending::kGone) return Ended(journal);
  if (ending == Ending::kNotUndone) return NotUndone(journal, request.pid);
  if (ending == Ending::kInterrupted) {
    return base::Fail(base::Code::kTimedOut,
                      "interrupted: the guard undoes the change when the "
                      "time is over",
                      "vassign confirm keeps it");
  }
  base::Status kept = ConfirmWaiting(host);
  if (!kept && kept.error().code() == base::Code::kNotFound) return Ended(journal);
  if (!kept) return base::Failure(std::move(kept.error()));
  return Kept();
}

// In JSON the errors are in the one document.
base::Status Finish(Context& context, const ApplyOutcome& outcome, std::string_view ending,
                    base::Status status) {
  if (!context.json) return status;
  PrintApplied(context, outcome, ending);
  context.status = ExitStatus(status);
  return {};
}

base::Status RunEach(Context& context, DeclaredHost& host, const Config& config,
                     const ApplyRequest& request) {
  const ApplyOutcome outcome = TRY(ApplyEach(host, config, request));
  const base::Status summary = Summary(outcome);
  if (context.json) return Finish(context, outcome, "kept", summary);
  if (!summary && summary.error().code() == base::Code::kPartial) {
    for (const base::Error& error : outcome.errors)
      context.err << "vassign: " << error.message() << '\n'
                  << KernelLinesText(KernelLines(context, error));
  }
  TellEntries(context, outcome);
  return summary;
}

base::Status RunApply(Context& context, const ApplyOptions& options) {
  const Config config = TRY(ConfigOf(context, options.file));
  const auto reach = TRY(ReachDeclared(context, "apply", options.changing));
  DeclaredHost& host = reach->host();
  const ApplyRequest request = TRY(RequestOf(context, options));
  if (options.changing.dry_run) {
    PrintDeclared(context, TRY(PlanDeclared(host, config, request.selection)));
    return {};
  }
  if (options.boot) {
    // Many devices come at once, each with a run of its own.
    host.assignment().lock_patience = std::chrono::seconds(options.changing.timeout);
    return RunEach(context, host, config, request);
  }
  ApplyOutcome outcome = TRY(Apply(host, config, request));
  if (!context.json) TellEntries(context, outcome);
  const bool waits = outcome.deadline != 0;
  End end = waits ? TRY(AwaitConfirmation(context, host, request, outcome)) : Kept();
  if (waits && end.status && !context.json) context.out << "kept\n";
  if (end.status) end.status = FollowPins(context);
  if (!end.status) outcome.errors.push_back(end.status.error());
  return Finish(context, outcome, end.outcome, end.status);
}

}  // namespace

void AddApplyCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<ApplyOptions>();
  CLI::App* command = app.add_subcommand("apply", "Make the host as the declarative file has it");
  command->add_option("FILE", options->file, "Instead of /etc/vassign/vassign.toml and conf.d")
      ->type_name("");
  command
      ->add_option("--confirm", options->confirm,
                   "Undo everything after S seconds unless Enter or vassign confirm comes")
      ->type_name("S");
  command->add_option("--device", options->device, "Only the entries of this device")
      ->type_name("DEV");
  command->add_option("--repin", options->repin, "Accept the card that an entry finds now")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command->add_flag("--boot", options->boot,
                    "Each entry for itself: what fails does not stop the others");
  AddChangingOptions(*command, context, options->changing);
  command->footer(
      "All entries or none: what fails is undone, and so is what a killed run left. The undo of\n"
      "--confirm runs outside of this session: it also comes when the connection is lost. A "
      "second\n"
      "apply writes nothing.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunApply(context, *options); };
  });
}

}  // namespace cli
