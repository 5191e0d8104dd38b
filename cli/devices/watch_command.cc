#include "cli/devices/watch_command.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include "cli/commands.h"
#include "cli/devices/device_filter.h"
#include "cli/devices/selector.h"
#include "cli/devices/watch_look.h"
#include "cli/devices/watch_output.h"
#include "cli/devices/watch_source.h"

namespace cli {
namespace {

using sysfs::PciAddress;

struct WatchOptions {
  std::vector<std::string> selectors;
  bool initial = false;
  unsigned interval = 2;  // seconds
  DeviceFilter filter;
};

// An address may be one that no device has yet.
base::Result<std::optional<std::vector<PciAddress>>> Wanted(
    const sysfs::Tree& tree, const std::vector<std::string>& selectors) {
  if (selectors.empty()) return std::nullopt;
  std::vector<PciAddress> wanted;
  for (const std::string& text : selectors) {
    if (const auto address = PciAddress::Parse(text)) {
      wanted.push_back(*address);
      continue;
    }
    const auto found = TRY(SelectAll(tree, {text}));
    wanted.insert(wanted.end(), found.begin(), found.end());
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  return wanted;
}

// As it was or as it is: a driver that is left counts as much as one that is taken.
bool IsWanted(const Context& context, const DeviceFilter& filter, const Change& change) {
  const auto passes = [&](const std::optional<WatchedDevice>& state) {
    return state && Passes(filter, state->device, context);
  };
  return passes(change.before) || passes(change.after);
}

// What became of the last write to the output: errno, 0 when it went well.
int WriteLine(std::ostream& out, const std::string& line) {
  errno = 0;
  out << line << std::flush;
  if (out) return 0;
  return errno != 0 ? errno : EIO;
}

// False when nobody reads any more, which is no error.
base::Result<bool> Tell(Context& context, const WatchOptions& options, const WatchSource& source,
                        const std::vector<Change>& changes) {
  const WatchTime time = source.now();
  for (const Change& change : changes) {
    if (!IsWanted(context, options.filter, change)) continue;
    const std::string line = context.json ? WatchJson(change, time)
                                          : WatchText(change, time, context.names, context.colour);
    const int err = WriteLine(context.out, line + '\n');
    if (err == 0) continue;
    if (err != EPIPE) return base::FailErrno("write the changes", err);
    context.reader_left = true;
    return false;
  }
  return true;
}

std::vector<Change> Present(const Snapshot& now) {
  std::vector<Change> changes;
  for (const auto& [address, device] : now)
    changes.push_back({ChangeKind::kPresent, std::nullopt, device});
  return changes;
}

base::Status RunWatch(Context& context, const WatchOptions& options) {
  TRY(CheckFilter(options.filter, context));
  Watcher watcher(*context.tree, TRY(Wanted(*context.tree, options.selectors)),
                  context.device_number);
  // Listens before it looks, so that nothing in between is lost.
  const std::chrono::seconds interval(options.interval);
  const WatchSource source =
      TRY(context.watch_source ? context.watch_source() : HostWatchSource(interval));
  Snapshot before = TRY(watcher.LookAtAll({}));
  if (options.initial && !TRY(Tell(context, options, source, Present(before)))) return {};
  while (true) {
    const Wake wake = TRY(source.wait());
    if (wake.stop) return {};
    Snapshot after =
        wake.look_at_all ? TRY(watcher.LookAtAll(before)) : watcher.LookAt(before, wake.events);
    const Snapshot between = Between(before, wake.events);
    std::vector<Change> changes = FindChanges(before, between);
    const std::vector<Change> rest = FindChanges(between, after);
    changes.insert(changes.end(), rest.begin(), rest.end());
    if (!TRY(Tell(context, options, source, changes))) return {};
    before = std::move(after);
  }
}

}  // namespace

void AddWatchCommand(CLI::App& app, Context& context) {
  constexpr unsigned kLongest = 3600;
  auto options = std::make_shared<WatchOptions>();
  CLI::App* command = app.add_subcommand("watch", "Print each change of the devices as it happens");
  command->add_option("SELECTOR", options->selectors, "Only these devices; an address may be empty")
      ->type_name("");
  command->add_flag("--initial", options->initial, "First print what is there");
  command
      ->add_option("--interval", options->interval,
                   "How often to look for what the kernel does not announce: overrides, numbers of "
                   "virtual functions, owners")
      ->type_name("SECONDS")
      ->check(CLI::Range(1u, kLongest))
      ->capture_default_str();
  command->add_flag("--json", context.json, "Print JSON lines: one object for each change");
  AddFilterOptions(*command, options->filter);
  command->footer("Ends with status 0 on SIGINT, SIGTERM, or when nobody reads its output.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunWatch(context, *options); };
  });
}

}  // namespace cli
