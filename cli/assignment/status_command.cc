#include "cli/assignment/status_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/declared/transaction.h"
#include "cli/json_text.h"
#include "cli/table.h"
#include "sriov/record.h"
#include "sysfs/assignment/assignment.h"
#include "sysfs/assignment/session.h"

namespace cli {
namespace {

using sysfs::AssignmentHost;
using sysfs::PciAddress;

// One device of the journal.
struct Entry {
  PciAddress address;
  std::string state;                  // pending, applied, restoring, busy, gone, unreadable
  std::optional<std::string> before;  // its driver
  std::optional<std::string> now;
  std::vector<std::string> owners;  // processes that have it open
  std::string note;
};

Entry ReadEntry(const AssignmentHost& host, const PciAddress& address) {
  Entry entry;
  entry.address = address;
  const auto record = host.journal.Find(address);
  if (!record) {
    entry.state = "unreadable";
    entry.note = record.error().message();
    return entry;
  }
  entry.state = Name((*record)->state);
  entry.before = (*record)->driver;
  // A device with a write under way may hang who reads it.
  if (const auto idle = sysfs::CheckIdle(host, {address}); !idle) {
    entry.state = "busy";
    entry.note = idle.error().message();
    return entry;
  }
  const auto device = sysfs::ReadDevice(host.tree, address, sysfs::Detail::kBrief);
  if (!device) {
    entry.state = "gone";
    entry.note = fmt::format("vassign restore {} forgets it", address.ToString());
    return entry;
  }
  entry.now = device->driver;
  for (const sysfs::Evidence& piece : sysfs::FindVfioHolders(host.tree, *device, host.sources))
    entry.owners.push_back(piece.detail);
  return entry;
}

std::vector<Entry> ReadEntries(const AssignmentHost& host, const std::vector<PciAddress>& devices) {
  std::vector<Entry> entries;
  for (const PciAddress& address : devices) {
    const auto record = host.journal.Find(address);
    if (record && !*record) continue;  // of an earlier boot
    entries.push_back(ReadEntry(host, address));
  }
  return entries;
}

// Physical functions whose virtual ones vassign has changed.
std::vector<Entry> ReadFunctions(const AssignmentHost& host) {
  std::vector<Entry> entries;
  for (const PciAddress& address : sriov::ListRecords(host.journal)) {
    const auto record = sriov::FindRecord(host.journal, address);
    if (record && !*record) continue;
    Entry entry;
    entry.address = address;
    entry.state = record ? "functions" : "unreadable";
    entry.note = record ? fmt::format("it had {} virtual functions", (*record)->functions.size())
                        : record.error().message();
    if (record) entry.before = (*record)->driver;
    if (const auto device = sysfs::ReadDevice(host.tree, address, sysfs::Detail::kBrief))
      entry.now = device->driver;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Json EntryJson(const Entry& entry) {
  const auto text = [](const std::optional<std::string>& one) {
    return one ? Json(*one) : Json(nullptr);
  };
  return {{"bdf", entry.address.ToString()},
          {"state", entry.state},
          {"driver_before", text(entry.before)},
          {"driver", text(entry.now)},
          {"owners", entry.owners},
          {"note", entry.note.empty() ? Json(nullptr) : Json(entry.note)}};
}

Json SessionJson(const sysfs::SessionNote& note) {
  Json devices = Json::array();
  for (const PciAddress& device : note.devices) devices.push_back(device.ToString());
  return {{"pid", note.pid}, {"alive", note.alive}, {"devices", std::move(devices)}};
}

// An apply that is not kept yet, in a sentence; empty without one.
std::string ApplyText(const std::optional<Transaction>& apply, const std::string& failure) {
  if (!apply) return {};
  if (apply->phase == Phase::kApplying)
    return fmt::format("an apply (pid {}) is under way, or was killed: vassign apply undoes it\n",
                       apply->pid);
  if (apply->phase == Phase::kUndoing) {
    return "an apply is being undone, and could not be whole yet: vassign apply goes on with it\n" +
           (failure.empty() ? "" : "  " + failure + "\n");
  }
  const uint64_t now = MillisecondsSinceBoot();
  const uint64_t left = apply->deadline > now ? (apply->deadline - now + 999) / 1000 : 0;
  return fmt::format("an apply waits: undone in {} s unless vassign confirm runs\n", left);
}

Json ApplyJson(const std::optional<Transaction>& apply, const std::string& failure) {
  if (!apply) return nullptr;
  Json devices = Json::array();
  for (const Touched& one : apply->touched) devices.push_back(one.address.ToString());
  return {{"pid", apply->pid},
          {"waits", apply->phase == Phase::kWaiting},
          {"failure", failure.empty() ? Json(nullptr) : Json(failure)},
          {"devices", std::move(devices)}};
}

void PrintTable(Context& context, const std::vector<Entry>& entries,
                const std::vector<sysfs::SessionNote>& sessions) {
  Table table;
  table.columns = {{"BDF"}, {"STATE"}, {"WAS"}, {"IS"}, {"OWNER, NOTE", true}};
  for (const Entry& entry : entries) {
    std::vector<std::string> notes = entry.owners;
    if (!entry.note.empty()) notes.push_back(entry.note);
    const bool is_settled = entry.state == "applied" || entry.state == "functions";
    table.rows.push_back({{entry.address.ToString()},
                          {entry.state, is_settled ? Style::kPlain : Style::kWarning},
                          {entry.before.value_or("")},
                          {entry.now.value_or("")},
                          {fmt::format("{}", fmt::join(notes, ", "))}});
  }
  if (entries.empty()) {
    context.out << "vassign has taken no device\n";
  } else {
    context.out << Render(table, context.width, context.colour);
  }
  for (const sysfs::SessionNote& note : sessions) {
    context.out << fmt::format("{} of pid {}: {}\n",
                               note.alive ? "session" : "left behind by a killed run", note.pid,
                               fmt::join(
                                   [&] {
                                     std::vector<std::string> names;
                                     for (const auto& one : note.devices)
                                       names.push_back(one.ToString());
                                     return names;
                                   }(),
                                   ", "));
  }
}

AssignmentHost HostOf(const Context& context) {
  if (context.assignment_host) return context.assignment_host(*context.tree);
  if (context.sysroot.empty()) return sysfs::MakeAssignmentHost(*context.tree);
  AssignmentHost host = sysfs::MakeAssignmentHost(*context.tree, context.sysroot + "/run/vassign");
  host.sources = {};  // processes are those of the running host
  return host;
}

base::Status RunStatus(Context& context) {
  const AssignmentHost host = HostOf(context);
  auto entries = ReadEntries(host, TRY(host.journal.List()));
  for (Entry& entry : ReadFunctions(host)) entries.push_back(std::move(entry));
  const auto sessions = TRY(sysfs::ListSessions(host.journal));
  const auto apply = TRY(FindTransaction(host.journal));
  const std::string failure = apply ? LastFailure(host.journal, apply->pid) : std::string();
  if (!context.json) {
    PrintTable(context, entries, sessions);
    context.out << ApplyText(apply, failure);
    return {};
  }
  Json devices = Json::array();
  for (const Entry& entry : entries) devices.push_back(EntryJson(entry));
  Json list = Json::array();
  for (const sysfs::SessionNote& note : sessions) list.push_back(SessionJson(note));
  PrintJson(context.out, {{"schema", "vassign.status/1"},
                          {"devices", std::move(devices)},
                          {"sessions", std::move(list)},
                          {"apply", ApplyJson(apply, failure)}});
  return {};
}

}  // namespace

void AddStatusCommand(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("status", "Show what vassign has taken, and who has it now");
  AddReadingOptions(*command, context);
  command->footer(
      "STATE: applied; pending or restoring when a run was killed in the middle (bind or restore\n"
      "goes on); busy while a write is under way; functions for a physical function whose virtual\n"
      "ones were changed. Root sees the owners of all users.");
  command->callback([&context] { context.run = [&context] { return RunStatus(context); }; });
}

}  // namespace cli
