#include "sysfs/assignment/assignment.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "sysfs/apart.h"
#include "sysfs/assignment/deadline_tree.h"
#include "sysfs/assignment/driver_plan.h"
#include "sysfs/assignment/host_lock.h"
#include "sysfs/assignment/identity_tree.h"
#include "sysfs/assignment/unbind.h"
#include "sysfs/base/fd.h"
#include "sysfs/base/text.h"
#include "sysfs/drivers.h"

namespace sysfs {
namespace {

using std::chrono::milliseconds;

// The lock's note begins with the pid of the process that writes.
base::Failure StillWriting(const Journal& journal, const PciAddress& address) {
  const auto note = base::ReadFile(journal.LockPath(address), 4096);
  const auto words = base::Split(note ? std::string_view(*note) : std::string_view(), ' ');
  const auto pid = base::ParseDecimal(words.front(), INT32_MAX);
  std::string text = address.ToString() + ": a write of an earlier run is still under way";
  if (pid && words.size() > 1) {
    text += fmt::format(": {}, {}", base::Trim(words[1]), DescribeWait(static_cast<int>(*pid)));
  }
  return base::Fail(base::Code::kTimedOut, std::move(text),
                    "it ends when the driver lets the device go; then run the command again");
}

base::Status LoadModule(const AssignmentHost& host, const AssignmentPlan& plan,
                        const std::string& driver) {
  if (!plan.module) return {};
  if (!host.load_module) {
    return base::Fail(base::Code::kUnsupported, driver + ": no such PCI driver is loaded",
                      "modprobe " + *plan.module);
  }
  base::Status loaded = host.load_module(*plan.module);
  if (!loaded) {
    // Not "no such device": a kernel without VFIO, or a name that no driver has.
    const bool is_absent = loaded.error().code() == base::Code::kNotFound;
    const bool is_vfio = IsVfioDriver(host.tree, driver);
    const auto code = is_vfio ? base::Code::kUnsupported : base::Code::kUsage;
    if (is_absent) return base::Failure(std::move(loaded.error()).WithCode(code));
    return loaded;
  }
  if (host.tree.Exists("/sys/bus/pci/drivers/" + driver)) return {};
  return base::Fail(base::Code::kUsage,
                    fmt::format("{}: the module {} is loaded and brings no such PCI driver", driver,
                                *plan.module),
                    "ls /sys/module/*/drivers shows which driver a module brings");
}

// "pid 77 (vmm)", of those that are still there. Once vfio-pci waits, its device file is gone and
// nobody can be found by it any more: what was seen before has to do.
std::string LivingUsers(const Tree& tree, const AssignmentPlan& plan) {
  std::vector<std::string> titles;
  for (const Holder& user : plan.users) {
    std::string title =
        fmt::format("pid {} ({})", user.pid, user.command.empty() ? "?" : user.command);
    const bool is_listed = std::find(titles.begin(), titles.end(), title) != titles.end();
    if (!is_listed && tree.Exists(fmt::format("/proc/{}", user.pid)))
      titles.push_back(std::move(title));
  }
  return fmt::format("{}", fmt::join(titles, ", "));
}

WriteObserver ObserverOf(const AssignmentHost& host, const AssignmentPlan& plan) {
  return TellWaits(host.on_wait, plan.devices.front().address.ToString(), host.write_deadline,
                   [&host, &plan] { return LivingUsers(host.tree, plan); });
}

base::Failure StillHeld(base::Error error, const std::string& users, const PciAddress& address) {
  return base::Failure(std::move(error)
                           .With(fmt::format("{} has not let it go", users))
                           .WithHint(fmt::format("end {}: the write then ends by itself, and "
                                                 "vassign restore {} does the rest",
                                                 users, address.ToString())));
}

base::Failure Explained(const AssignmentHost& host, base::Error error, const AssignmentPlan& plan,
                        const std::string& driver) {
  const bool at_bind = error.message().find("/drivers/" + driver + "/bind") != std::string::npos;
  const auto explanation = at_bind ? ExplainBind(error.err(), driver) : std::nullopt;
  if (explanation) {
    error = std::move(error)
                .With(explanation->cause)
                .WithHint(explanation->cure)
                .WithCode(base::Code::kKernel);
  } else if (error.code() == base::Code::kTimedOut) {
    const std::string users = LivingUsers(host.tree, plan);
    if (!users.empty()) return StillHeld(std::move(error), users, plan.devices.front().address);
    error = std::move(error).WithHint(
        fmt::format("the device is kept in the journal; when that write has ended, run the command "
                    "again, or vassign restore {}",
                    plan.devices.front().address.ToString()));
  }
  return base::Failure(std::move(error));
}

base::Status ApplyPlan(AssignmentHost& host, const std::vector<FileLock>& locks,
                       const AssignmentPlan& plan, const std::string& driver) {
  DeadlineTree deadline_tree(host.tree, host.write_deadline, locks, ObserverOf(host, plan));
  Tree& writer = host.in_process_writes ? host.tree : deadline_tree;
  IdentityTree tree(writer, plan.devices);
  base::Status status = Apply(tree, plan.changes, host.apply);
  if (host.on_wait) host.on_wait("");
  if (!status) return Explained(host, std::move(status.error()), plan, driver);
  return {};
}

// One device of a bind: what the journal said of it before, and what it is to say.
struct Entry {
  PciDevice device;
  std::optional<Record> previous;
  std::optional<Record> stored;
  Record record;
};

base::Result<std::vector<Entry>> MakeEntries(const AssignmentHost& host,
                                             const AssignmentPlan& plan) {
  std::vector<Entry> entries;
  for (const PciDevice& device : plan.devices) {
    const auto previous = TRY(host.journal.Find(device.address));
    if (!previous && IsOthersWork(device, plan.driver)) continue;
    Record record = previous ? *previous : TRY(RecordOf(host, device));
    record.wanted = plan.driver;
    entries.push_back({device, previous, previous, std::move(record)});
  }
  return entries;
}

base::Status StoreAll(const Journal& journal, std::vector<Entry>& entries, RecordState state) {
  for (Entry& entry : entries) {
    entry.record.state = state;
    if (entry.stored == entry.record) continue;
    TRY(journal.Store(entry.record));
    entry.stored = entry.record;
  }
  return {};
}

// After a failure: a device that is as it was gets its former record back. Any other keeps the new
// one, with which restore works. What was written to a card that has gone went with it, and its
// record would only meet the next one.
void Settle(const AssignmentHost& host, const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    const base::Status card = CheckCard(host.tree, entry.device);
    if (!card && card.error().code() == base::Code::kNotFound) {
      (void)host.journal.Remove(entry.device.address);
      continue;
    }
    const auto now = ReadDevice(host.tree, entry.device.address);
    if (!now || now->driver != entry.device.driver ||
        now->driver_override != entry.device.driver_override)
      continue;
    if (!entry.previous) {
      const auto power = ReadPowerControl(host.tree, entry.device.address);
      if (!power || *power != entry.record.power_control) continue;
    }
    const base::Status status = entry.previous ? host.journal.Store(*entry.previous)
                                               : host.journal.Remove(entry.device.address);
    // A record too many restores what is there already.
    (void)status;
  }
}

bool HasNode(const Tree& tree, const PciAddress& address) {
  const auto device = ReadDevice(tree, address, Detail::kBrief);
  return device && !VfioNodes(tree, *device).empty();
}

base::Status AwaitNode(const AssignmentHost& host, const PciAddress& address,
                       const Waiter& waiter) {
  const auto ready = [&] { return HasNode(host.tree, address); };
  if (ready() || (waiter && waiter(ready, host.write_deadline))) return {};
  return base::Fail(base::Code::kTimedOut,
                    address.ToString() + ": bound, but its node below /dev/vfio did not appear",
                    "is devtmpfs mounted on /dev, and does the kernel have VFIO_GROUP or "
                    "VFIO_DEVICE_CDEV?");
}

base::Result<AssignmentResult> ResultOf(const AssignmentHost& host, const PciDevice& before) {
  AssignmentResult result;
  result.address = before.address;
  result.before = before.driver;
  result.after = TRY(ReadDevice(host.tree, before.address));
  result.changed = result.after.driver != before.driver ||
                   result.after.driver_override != before.driver_override;
  if (result.after.driver && IsVfioDriver(host.tree, *result.after.driver))
    result.nodes = VfioNodes(host.tree, result.after);
  return result;
}

base::Status PerformBinding(AssignmentHost& host, const std::vector<FileLock>& locks,
                            const AssignmentPlan& plan) {
  auto entries = TRY(MakeEntries(host, plan));
  TRY(LoadModule(host, plan, plan.driver));
  const bool to_vfio = IsVfioDriver(host.tree, plan.driver);
  const Waiter waiter = to_vfio && host.listen && !plan.empty() ? TRY(host.listen()) : Waiter();
  base::Status status;
  if (!plan.empty()) status = StoreAll(host.journal, entries, RecordState::kPending);
  if (status) status = ApplyPlan(host, locks, plan, plan.driver);
  if (!status) {
    if (status.error().code() != base::Code::kTimedOut) Settle(host, entries);
    return status;
  }
  TRY(StoreAll(host.journal, entries, RecordState::kApplied));
  if (!to_vfio) return {};
  for (const PciDevice& device : plan.devices) TRY(AwaitNode(host, device.address, waiter));
  return {};
}

// The record goes only when it has been fulfilled: another hand may have been faster.
base::Status CheckRestored(const Tree& tree, const Record& record) {
  const PciDevice now = TRY(ReadDevice(tree, record.address));
  if (now.driver == record.driver && now.driver_override == record.driver_override) return {};
  return base::Fail(
      base::Code::kKernel,
      fmt::format("{}: all was written, but it is on {} with {} for its override instead of {} "
                  "with {}",
                  record.address.ToString(), now.driver.value_or("no driver"),
                  now.driver_override.value_or("none"), record.driver.value_or("no driver"),
                  record.driver_override.value_or("none")),
      "vassign restore " + record.address.ToString() + " again");
}

// Before sysfs is touched the record says so; after it the record goes.
base::Status PerformRestoring(AssignmentHost& host, const std::vector<FileLock>& locks,
                              const AssignmentPlan& plan, std::optional<Record> record) {
  if (!plan.empty()) {
    const std::string driver =
        record && record->driver ? *record->driver : plan.devices.front().driver.value_or("");
    TRY(LoadModule(host, plan, driver));
    if (record) {
      record->state = RecordState::kRestoring;
      TRY(host.journal.Store(*record));
    }
    TRY(ApplyPlan(host, locks, plan, driver));
    if (record) TRY(CheckRestored(host.tree, *record));
  }
  return host.journal.Remove(plan.devices.front().address);
}

// A device that is gone has nothing to restore; its record would only meet the next card there.
base::Result<AssignmentResult> ForgetMissing(const AssignmentHost& host,
                                             const PciAddress& address) {
  TRY(host.journal.Remove(address));
  AssignmentResult result;
  result.address = address;
  result.after.address = address;
  result.note = "the device is gone; its record is removed";
  return result;
}

}  // namespace

AssignmentHost MakeAssignmentHost(Tree& tree, const std::string& folder) {
  auto boot_id = tree.Read("/proc/sys/kernel/random/boot_id");
  // Without /proc it is the same for every run; one that cannot be read is not.
  if (!boot_id && boot_id.error().code() == base::Code::kNotFound) boot_id = std::string("unknown");
  return {tree, Journal(folder, std::move(boot_id).value_or("")), HostSources(), {}, {}};
}

base::Result<Record> RecordOf(const AssignmentHost& host, const PciDevice& device) {
  Record record;
  record.address = device.address;
  record.vendor = device.vendor;
  record.device = device.device;
  record.driver = device.driver;
  record.driver_override = device.driver_override;
  if (device.driver) record.module = ModuleOfDriver(host.tree, *device.driver);
  record.power_control = TRY(ReadPowerControl(host.tree, device.address));
  record.boot_id = host.journal.boot_id();
  return record;
}

base::Status CheckIdle(const AssignmentHost& host, const std::vector<PciAddress>& devices) {
  for (const PciAddress& address : devices) {
    const auto file = base::OpenFile(host.journal.LockPath(address), O_RDONLY);
    if (file && ::flock(file->raw(), LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
      return StillWriting(host.journal, address);
  }
  return {};
}

base::Result<std::vector<FileLock>> TakeDeviceLocks(const AssignmentHost& host,
                                                    const std::vector<PciAddress>& devices) {
  std::vector<FileLock> locks;
  for (const PciAddress& address : devices) {
    auto lock =
        FileLock::Take(host.journal.LockPath(address), host.lock_patience, base::Code::kTimedOut);
    if (!lock) {
      if (lock.error().code() == base::Code::kTimedOut) return StillWriting(host.journal, address);
      return base::Failure(std::move(lock.error()));
    }
    locks.push_back(std::move(*lock));
  }
  return locks;
}

base::Result<std::vector<AssignmentResult>> Bind(AssignmentHost& host, const BindRequest& request) {
  TRY(CheckRequest(request));
  TRY(host.journal.Prepare());
  return Bind(host, request, TRY(TakeHostLock(host.journal.folder(), host.lock_patience)));
}

base::Result<std::vector<AssignmentResult>> Bind(AssignmentHost& host, const BindRequest& request,
                                                 const FileLock&) {
  TRY(CheckRequest(request));
  const auto locks = TRY(TakeDeviceLocks(host, request.devices));
  const AssignmentPlan plan = TRY(PlanBinding(host, request));
  TRY(PerformBinding(host, locks, plan));
  std::vector<AssignmentResult> results;
  for (const PciDevice& device : plan.devices) {
    results.push_back(TRY(ResultOf(host, device)));
    if (const auto note = plan.notes.find(device.address); note != plan.notes.end())
      results.back().note = note->second;
  }
  return results;
}

base::Result<AssignmentResult> Restore(AssignmentHost& host, const PciAddress& address,
                                       const std::optional<ForceSet>& force) {
  TRY(host.journal.Prepare());
  return Restore(host, address, TRY(TakeHostLock(host.journal.folder(), host.lock_patience)),
                 force);
}

base::Result<AssignmentResult> Restore(AssignmentHost& host, const PciAddress& address,
                                       const FileLock&, const std::optional<ForceSet>& force) {
  const auto locks = TRY(TakeDeviceLocks(host, {address}));
  const auto record = TRY(host.journal.Find(address));
  if (!host.tree.Exists("/sys/bus/pci/devices/" + address.ToString()) &&
      host.tree.Exists("/sys/bus/pci/devices") && record)
    return ForgetMissing(host, address);
  const AssignmentPlan plan = TRY(PlanRestoring(host, address, force));
  TRY(PerformRestoring(host, locks, plan, record));
  AssignmentResult result = TRY(ResultOf(host, plan.devices.front()));
  if (!record && !plan.empty())
    result.note = "there was no record: its override was cleared and the kernel chose the driver";
  if (const auto note = plan.notes.find(address); note != plan.notes.end())
    result.note = note->second;
  return result;
}

base::Status Unbind(AssignmentHost& host, const PciAddress& address, const FileLock&) {
  const auto locks = TRY(TakeDeviceLocks(host, {address}));
  const AssignmentPlan plan = TRY(PlanUnbinding(host, address));
  return ApplyPlan(host, locks, plan, plan.devices.front().driver.value_or(""));
}

std::vector<std::string> VfioNodes(const Tree& tree, const PciDevice& device) {
  std::vector<std::string> nodes;
  if (device.iommu_group) nodes.push_back(fmt::format("/dev/vfio/{}", *device.iommu_group));
  for (const std::string& name :
       tree.List(device.path() + "/vfio-dev").value_or(std::vector<std::string>())) {
    nodes.push_back("/dev/vfio/devices/" + name);
  }
  std::erase_if(nodes, [&](const std::string& node) { return !tree.Exists(node); });
  return nodes;
}

}  // namespace sysfs
