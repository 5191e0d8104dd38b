#include "cli/automation/rules_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "cli/automation/automation.h"
#include "cli/automation/files.h"
#include "cli/child.h"
#include "cli/commands.h"
#include "cli/json_text.h"

namespace cli {
namespace {

struct RulesOptions {
  bool install = false;
  bool remove = false;
  bool early = false;
  bool update_initramfs = false;
  std::string root;
};

constexpr const char* kInitramfsTools = "/usr/sbin/update-initramfs";
constexpr const char* kDracut = "/usr/bin/dracut";

// The words that make this host's initramfs anew; none where no maker of one is known.
std::vector<std::string> InitramfsMaker() {
  if (::access(kInitramfsTools, X_OK) == 0) return {kInitramfsTools, "-u"};
  if (::access(kDracut, X_OK) == 0) return {kDracut, "--force"};
  return {};
}

// What it says goes to standard error: the other may hold JSON.
base::Status RunOrFail(const std::vector<std::string>& words) {
  std::vector<std::string> command = {"/bin/sh", "-c", "exec \"$@\" >&2", "sh"};
  command.insert(command.end(), words.begin(), words.end());
  const int status = TRY(RunChild({command, {}}));
  if (status == 0) return {};
  return base::Fail(base::Code::kPartial, fmt::format("{} ended with status {}", words[0], status));
}

base::Status CheckOptions(const RulesOptions& options) {
  if (options.install + options.remove + options.early > 1) {
    return base::Fail(base::Code::kUsage, "rules: --install, --remove and --early exclude another",
                      "without one the rules are printed");
  }
  const bool changes = options.install || options.remove;
  if (!options.root.empty() && !changes)
    return base::Fail(base::Code::kUsage, "rules: --root is for --install and --remove");
  if (options.update_initramfs && (!changes || !options.root.empty())) {
    return base::Fail(base::Code::kUsage,
                      "rules: --update-initramfs is for --install and --remove on this host");
  }
  return {};
}

void TellUncovered(Context& context, const Rules& rules) {
  if (context.json) return;
  for (const std::string& line : rules.uncovered)
    context.err << "vassign: no rule for " << line << '\n';
}

void PrintRules(Context& context, const Rules& rules, bool early) {
  if (context.json) {
    PrintJson(context.out, {{"schema", "vassign.rules/1"},
                            {"rules", rules.udev},
                            {"early", rules.early},
                            {"uncovered", rules.uncovered}});
    return;
  }
  context.out << (early ? rules.early : rules.udev);
}

base::Status UpdateInitramfs(Context& context, const RulesOptions& options, bool changed) {
  const auto maker = InitramfsMaker();
  if (options.update_initramfs) {
    if (maker.empty()) {
      return base::Fail(base::Code::kUnsupported,
                        "neither update-initramfs nor dracut is on this host",
                        "make the initramfs anew by what this host has");
    }
    return RunOrFail(maker);
  }
  if (changed && options.root.empty() && !maker.empty() && !context.json)
    context.out << fmt::format("the initramfs is to be made anew: {} {}\n", maker[0], maker[1]);
  return {};
}

base::Status Change(Context& context, const RulesOptions& options) {
  if (!context.sysroot.empty() && options.root.empty()) {
    return base::Fail(base::Code::kUsage, "rules: those of a recorded host are not for this one",
                      "--root DIR puts them into a folder");
  }
  if (options.root.empty() && ::geteuid() != 0) {
    return base::Fail(base::Code::kDenied, "rules: only root may install or remove",
                      "sudo vassign rules, or --root DIR for a folder of your own");
  }
  const Rules rules = options.install ? TRY(RulesOf(context)) : Rules{};
  const auto files = FilesToInstall(rules.udev);
  const auto changed = options.install ? TRY(InstallFiles(options.root, files))
                                       : TRY(RemoveFiles(options.root, files));
  TellUncovered(context, rules);
  if (context.json) {
    PrintJson(context.out, {{"schema", "vassign.rules/1"},
                            {options.install ? "installed" : "removed", changed},
                            {"uncovered", rules.uncovered}});
  } else {
    for (const std::string& path : changed)
      context.out << (options.install ? "installed " : "removed ") << path << '\n';
    if (changed.empty()) context.out << "nothing to do\n";
  }
  if (options.root.empty() && !changed.empty()) TRY(ReloadDaemons());
  return UpdateInitramfs(context, options, !changed.empty());
}

base::Status RunRules(Context& context, const RulesOptions& options) {
  TRY(CheckOptions(options));
  if (options.install || options.remove) return Change(context, options);
  const Rules rules = TRY(RulesOf(context));
  TellUncovered(context, rules);
  PrintRules(context, rules, options.early);
  return {};
}

}  // namespace

void AddRulesCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<RulesOptions>();
  CLI::App* command =
      app.add_subcommand("rules", "Carry out the declarative file at boot and on hot-plug");
  command->add_flag("--install", options->install,
                    "Write udev's rules, units and the hooks of the initramfs");
  command->add_flag("--remove", options->remove, "Take away what --install writes");
  command->add_flag("--early", options->early, "Print the table for an initramfs");
  command->add_option("--root", options->root, "Install into, or remove from, this folder")
      ->type_name("DIR");
  command->add_flag("--update-initramfs", options->update_initramfs,
                    "Make the initramfs anew afterwards");
  AddReadingOptions(*command, context);
  command->footer(
      "Prints udev's rules unless told otherwise. They keep each device of /etc/vassign from its\n"
      "host driver when that is a module not loaded yet, and start a unit that does the rest. An\n"
      "entry that names no path is covered once vassign apply has found its device. Nothing of it\n"
      "is done on a kernel that was started with vassign=off.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunRules(context, *options); };
  });
}

}  // namespace cli
