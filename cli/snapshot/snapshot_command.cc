#include "cli/snapshot/snapshot_command.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <memory>

#include "cli/commands.h"
#include "cli/json_text.h"
#include "cli/permanent_address.h"
#include "cli/snapshot/archive.h"
#include "cli/snapshot/record_host.h"
#include "cli/snapshot/scrub.h"
#include "sysfs/diagnosis/kernel_log.h"
#include "sysfs/evidence/evidence.h"

namespace cli {
namespace {

struct SnapshotOptions {
  std::string file;
  bool no_scrub = false;
  bool overwrite = false;
};

std::string HostName() {
  utsname name{};
  return ::uname(&name) == 0 ? std::string(name.nodename) : std::string();
}

std::string Plural(size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// What is not in it that could be.
std::vector<std::string> Missing(const RecordedHost& host, bool has_log) {
  std::vector<std::string> missing;
  if (::geteuid() != 0)
    missing.emplace_back("configuration space behind its header: only root reads it");
  if (!host.denied.empty())
    missing.push_back(Plural(host.denied.size(), "file") + " that only root reads, like " +
                      *host.denied.begin());
  if (!has_log) missing.emplace_back("the kernel's log: this user may not read it");
  if (host.busy > 0)
    missing.push_back(Plural(host.busy, "device") + " did not answer: override and functions");
  return missing;
}

base::Status RunSnapshot(Context& context, const SnapshotOptions& options) {
  TRY(CheckArchiveName(options.file));
  const auto log = sysfs::ReadKernelLog();
  const bool is_running = static_cast<bool>(context.use_marks);
  const RecordedHost host =
      TRY(RecordHost(*context.tree, log, PermanentAddressOf(context.device_number),
                     is_running ? sysfs::HostSources() : sysfs::EvidenceSources()));
  const Recording kept = options.no_scrub ? host.recording : Scrub(host.recording, HostName());
  TRY(WriteArchive(kept, options.file, {options.overwrite, options.no_scrub}));
  const auto missing = Missing(host, log.has_value());
  if (context.json) {
    PrintJson(context.out, {{"schema", "vassign.snapshot/1"},
                            {"file", options.file},
                            {"devices", host.devices},
                            {"files", kept.files.size()},
                            {"scrubbed", !options.no_scrub},
                            {"missing", missing}});
    return {};
  }
  context.out << fmt::format("{}: {}, {}{}\n", options.file, Plural(host.devices, "device"),
                             Plural(kept.files.size(), "file"),
                             options.no_scrub ? ", not scrubbed" : "");
  for (const std::string& one : missing) context.out << "  not in it: " << one << "\n";
  return {};
}

}  // namespace

void AddSnapshotCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<SnapshotOptions>();
  CLI::App* command =
      app.add_subcommand("snapshot", "Record this host, for reading commands with --sysroot");
  command->add_option("FILE", options->file, "A new archive: .tar, .tar.gz, .tar.xz or .tar.zst")
      ->type_name("")
      ->required();
  command->add_flag("--no-scrub", options->no_scrub,
                    "Leave addresses, serial numbers, UUIDs and the host's name as they are");
  command->add_flag("--overwrite", options->overwrite, "Replace an existing file");
  AddJsonOption(*command, context);
  command->footer(
      "Needs no root, wakes no device and waits for none; what root would add is missing, and "
      "said.\n"
      "Scrubbed, the same value becomes the same other value everywhere. Processes, their command\n"
      "lines and what other tools have configured are not recorded: of what is in use, a recorded\n"
      "host tells mounts, swap, addresses, routes and displays, and not who has a device open.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunSnapshot(context, *options); };
  });
}

}  // namespace cli
