// Giving devices to another driver and back, whole: checks, journal, locks, writes, verification.
//
// `vassign bind` and `vassign restore` are these functions with words around them, and `vmm` uses
// them for managed devices. Planning reads only; performing takes the host lock and a lock for each
// device, plans on what it finds then, writes the records, and only then touches sysfs. Killed
// anywhere, any later bind or restore of the same devices goes on from what it finds.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/assignment/change_set.h"
#include "sysfs/assignment/host_lock.h"
#include "sysfs/assignment/journal.h"
#include "sysfs/evidence/evidence.h"
#include "sysfs/evidence/force.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

// Waits until `ready` says so or the time is over; returns what `ready` said last.
using Waiter =
    std::function<bool(const std::function<bool()>& ready, std::chrono::milliseconds limit)>;

// All that binding needs of the host. The references outlive it; the functions may be empty where
// said so.
struct AssignmentHost {
  Tree& tree;
  Journal journal;
  EvidenceSources sources;
  // As modprobe does, with what it depends on.
  std::function<base::Status(const std::string& module)> load_module;
  // Starts to listen for device events, so that none between now and the wait is lost. Empty: no
  // waiting, a node is there or not.
  std::function<base::Result<Waiter>()> listen;
  // Waits until nobody looks at new devices any more (udev). Empty: no waiting.
  std::function<void()> settle = {};
  // What of the host keeps a device from a VFIO driver, beyond its group (sysfs/diagnosis); whether
  // vfio-pci has to be loaded first. Empty: nothing is asked.
  std::function<base::Status(const PciDevice& device, bool loads_vfio_pci)> obstacles = {};
  std::chrono::milliseconds lock_patience = std::chrono::seconds(5);  // for a lock of another run
  std::chrono::milliseconds write_deadline = std::chrono::seconds(30);
  // Told once a second, in words, what a write that takes long is waiting for; "" at the end of the
  // wait. May be empty.
  std::function<void(const std::string& text)> on_wait = {};
  ApplyOptions apply = {};
  bool in_process_writes = false;  // tests over a tree in memory: no process for each write
};

// The running host's tree and journal in `folder`; modules and events are left for the caller.
AssignmentHost MakeAssignmentHost(Tree& tree, const std::string& folder = "/run/vassign");

struct BindRequest {
  std::vector<PciAddress> devices;
  std::string driver = "vfio-pci";  // of a driver or of its module
  ForceSet force = {};
  std::vector<PciAddress> parked = {};  // members of their groups that leave their drivers before
};

struct AssignmentPlan {
  std::vector<PciDevice> devices;     // as they are
  std::string driver;                 // bind: the driver's own name
  std::optional<std::string> module;  // loaded first
  ChangeSet changes;
  // Uses that do not refuse: overridden ones, and what is only worth knowing.
  std::map<PciAddress, std::string> notes = {};
  std::vector<Holder> users = {};  // restore: who has it through VFIO and is made to let go
  bool empty() const { return changes.empty(); }
};

// A line a step, modprobe first; "" when there is nothing to do.
std::string Format(const AssignmentPlan& plan);

// A driver's name that is one, and no device twice: what needs no look at the host.
base::Status CheckRequest(const BindRequest& request);

// kTimedOut when a write of an earlier run to one of the devices is still under way: then even
// reading the device may hang. For planning alone; performing takes the locks.
base::Status CheckIdle(const AssignmentHost& host, const std::vector<PciAddress>& devices);

// All checks of a bind: request, devices, records, use, viability. Nothing is changed.
base::Result<AssignmentPlan> PlanBinding(const AssignmentHost& host, const BindRequest& request);

// The record that a bind of this device would write first: what it is now. Fails when that cannot be
// read.
base::Result<Record> RecordOf(const AssignmentHost& host, const PciDevice& device);

// CheckIdentity, with the way out.
base::Status CheckRecord(const Journal& journal, const Record& record, const PciDevice& device);

// What became of one device.
struct AssignmentResult {
  PciAddress address;
  std::optional<std::string> before;  // driver
  PciDevice after;
  std::vector<std::string> nodes;  // VFIO nodes that are there
  bool changed = false;
  std::string note;  // "there was no record: ..."
};

// "0000:08:00.0 nvme -> vfio-pci, group 14, /dev/vfio/14".
std::string Format(const AssignmentResult& result);

// All devices or none; on failure what was done is undone, unless the error says kTimedOut.
base::Result<std::vector<AssignmentResult>> Bind(AssignmentHost& host, const BindRequest& request);
// The same as a part of a larger change, whose run holds the host lock.
base::Result<std::vector<AssignmentResult>> Bind(AssignmentHost& host, const BindRequest& request,
                                                 const FileLock& host_lock);

// A lock for each device, held while it is written to. kTimedOut as CheckIdle.
base::Result<std::vector<FileLock>> TakeDeviceLocks(const AssignmentHost& host,
                                                    const std::vector<PciAddress>& devices);

// Exactly what was there before, from the record; without one the override is cleared and the
// kernel chooses. A device that another process has through VFIO is refused, unless `force` holds
// kAssigned: then vfio-pci asks that process to let go, and the write waits for it, kTimedOut with
// its name at the deadline. Without a force set the refusal names no option.
base::Result<AssignmentPlan> PlanRestoring(const AssignmentHost& host, const PciAddress& address,
                                           const std::optional<ForceSet>& force = {});
base::Result<AssignmentResult> Restore(AssignmentHost& host, const PciAddress& address,
                                       const std::optional<ForceSet>& force = {});
// The same as a part of a larger change, whose run holds the host lock.
base::Result<AssignmentResult> Restore(AssignmentHost& host, const PciAddress& address,
                                       const FileLock& host_lock,
                                       const std::optional<ForceSet>& force = {});

// "on" or "auto"; nothing without runtime power management. Fails when it is there and cannot be read:
// what is not known could not be given back.
base::Result<std::optional<std::string>> ReadPowerControl(const Tree& tree, const PciAddress& address);

// The device as it is now, for the last lines of a run that failed.
std::string DescribeState(const Tree& tree, const PciAddress& address);

// VFIO nodes of the device that exist.
std::vector<std::string> VfioNodes(const Tree& tree, const PciDevice& device);

}  // namespace sysfs
