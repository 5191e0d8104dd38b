// The planning half of assignment.h: reads and decides, changes nothing.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sysfs/assignment/assignment.h"
#include "sysfs/assignment/driver_plan.h"
#include "sysfs/assignment/resettable.h"
#include "sysfs/assignment/unbind.h"
#include "sysfs/assignment/viability.h"
#include "sysfs/base/text.h"
#include "sysfs/caching_tree.h"
#include "sysfs/drivers.h"
#include "sysfs/strict_read.h"

namespace sysfs {
namespace {

std::string DriverPath(const std::string& name) { return "/sys/bus/pci/drivers/" + name; }

std::string Replaced(std::string text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
  return text;
}

// The driver's own name for a driver's or module's name: vfio_pci is the module of vfio-pci. All
// VFIO drivers are spelled with dashes.
std::string CanonicalDriver(const Tree& tree, const std::string& name) {
  const std::string dashed = Replaced(name, '_', '-');
  for (const std::string& candidate : {name, dashed, Replaced(name, '-', '_')}) {
    if (tree.Exists(DriverPath(candidate))) return candidate;
  }
  const bool is_dashed = name.find("vfio") != std::string::npos || dashed == "pci-stub";
  return is_dashed ? dashed : name;
}

base::Status CheckDriverName(const std::string& name) {
  const bool is_plain =
      !name.empty() && name.size() <= 64 && name.front() != '.' &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '+';
      });
  if (is_plain) return {};
  return base::Fail(base::Code::kUsage, fmt::format("--driver {}: not a driver's name", name),
                    "for example vfio-pci");
}

base::Result<std::vector<PciDevice>> ReadRequested(const AssignmentHost& host,
                                                   const BindRequest& request) {
  std::vector<PciDevice> devices;
  for (const PciAddress& address : request.devices) {
    PciDevice device = TRY(ReadDevice(host.tree, address));
    if (const auto record = TRY(host.journal.Find(address)))
      TRY(CheckRecord(host.journal, *record, device));
    devices.push_back(std::move(device));
  }
  return devices;
}

// A bridge is no endpoint, but one whose driver stands in the way of its group may be parked.
base::Status CheckParking(const PciDevice& device) {
  if (!device.is_bridge() || device.driver != "pcieport") return {};
  return base::Fail(base::Code::kUnfit,
                    device.address.ToString() +
                        ": is a PCI Express port that pcieport drives; that never blocks a group");
}

// What keeps it from a VFIO driver, whoever uses it now; `moving` leave their drivers too.
base::Status CheckFitness(const AssignmentHost& host, const PciDevice& device,
                          const std::optional<std::string>& module,
                          const std::vector<PciAddress>& moving, const ForceSet& force) {
  TRY(CheckViability(ReadViability(host.tree, device), moving, force));
  if (!host.obstacles) return {};
  return host.obstacles(device, module == "vfio-pci");
}

// The uses that do not refuse, in words. What a device on VFIO does for the host is done already:
// `is_given` asks for its holders alone. `first_look` may be a cache that many devices share.
base::Result<std::string> CheckUse(const AssignmentHost& host, const Tree& first_look,
                                   const PciDevice& device, const std::optional<ForceSet>& force,
                                   bool is_given, Purpose purpose = Purpose::kTake) {
  const auto find = [&](const Tree& tree) {
    return is_given ? FindVfioHolders(tree, device, host.sources)
                    : FindEvidence(tree, device, host.sources);
  };
  auto evidence = find(first_look);
  if (!CheckEvidence(device.address, evidence, force, purpose) && host.settle) {
    host.settle();
    evidence = find(host.tree);
  }
  TRY(CheckEvidence(device.address, evidence, force, purpose));
  std::string note;
  for (const Evidence& piece : evidence)
    note += (note.empty() ? "in spite of: " : "; ") + Chain(piece);
  return note;
}

// What is loaded before the writes: whatever provides a driver that is not registered.
std::optional<std::string> ModuleToLoad(const Tree& tree, const std::optional<std::string>& driver,
                                        const std::optional<std::string>& module) {
  if (!driver || tree.Exists(DriverPath(*driver))) return std::nullopt;
  return module ? module : driver;
}

// Other processes that have it through VFIO.
std::vector<Holder> OtherUsers(const AssignmentHost& host, const PciDevice& device) {
  auto users = FindHolders(host.tree, VfioNodes(host.tree, device), host.sources.device_number);
  std::erase_if(users, [&](const Holder& holder) { return holder.pid == host.sources.pid; });
  return users;
}

bool TakesFromDriver(const PciDevice& device, const AssignmentPlan& plan) {
  if (!device.driver) return false;
  const std::string path = DriverPath(*device.driver) + "/unbind";
  return std::any_of(plan.changes.begin(), plan.changes.end(), [&](const Change& change) {
    return change.write.path == path && change.write.value == device.address.ToString();
  });
}

}  // namespace

base::Status CheckRecord(const Journal& journal, const Record& record, const PciDevice& device) {
  base::Status status = CheckIdentity(record, device);
  if (status) return {};
  return base::Failure(std::move(status.error())
                           .WithHint("another card sits there now: remove " +
                                     journal.RecordPath(device.address) + " and try again"));
}

base::Status CheckRequest(const BindRequest& request) {
  TRY(CheckDriverName(request.driver));
  std::set<PciAddress> seen;
  for (const PciAddress& address : request.devices) {
    if (!seen.insert(address).second)
      return base::Fail(base::Code::kUsage, address.ToString() + ": named twice");
  }
  return {};
}

base::Result<AssignmentPlan> PlanBinding(const AssignmentHost& host, const BindRequest& request) {
  TRY(CheckRequest(request));
  AssignmentPlan plan;
  plan.devices = TRY(ReadRequested(host, request));
  plan.driver = CanonicalDriver(host.tree, request.driver);
  plan.module = ModuleToLoad(host.tree, plan.driver, std::nullopt);
  PowerControl power;
  for (const PciDevice& device : plan.devices) {
    if (auto word = TRY(ReadPowerControl(host.tree, device.address)))
      power[device.address] = std::move(*word);
  }
  plan.changes = PlanBind(plan.devices, plan.driver, power);
  const bool to_vfio = IsVfioDriver(host.tree, plan.driver);
  const CachingTree cache(host.tree);
  std::vector<PciAddress> moving = request.devices;
  moving.insert(moving.end(), request.parked.begin(), request.parked.end());
  for (const PciDevice& device : plan.devices) {
    const bool is_there = device.driver == plan.driver;
    if (!is_there && to_vfio) {
      TRY(CheckFitness(host, device, plan.module, moving, request.force));
    } else if (!is_there) {
      TRY(CheckParking(device));
    }
    std::string note = TRY(CheckUse(host, cache, device, request.force, is_there));
    if (!is_there && to_vfio) {
      TRY(CheckResettable(device.address, ReadResetReach(host.tree, device), request.devices,
                          request.force));
    }
    if (!note.empty()) plan.notes[device.address] = std::move(note);
  }
  if (plan.changes.empty()) plan.module.reset();
  return plan;
}

base::Result<AssignmentPlan> PlanRestoring(const AssignmentHost& host, const PciAddress& address,
                                           const std::optional<ForceSet>& force) {
  AssignmentPlan plan;
  const PciDevice device = TRY(ReadDevice(host.tree, address));
  plan.devices = {device};
  const auto record = TRY(host.journal.Find(address));
  const bool is_given =
      device.driver && IsManagedDmaDriver(host.tree, *device.driver) && device.driver != "pcieport";
  const auto power = TRY(ReadPowerControl(host.tree, address));
  if (record) {
    TRY(CheckRecord(host.journal, *record, device));
    const RestoreItem item = {device, *record, power};
    plan.changes = PlanRestore({&item, 1});
    if (device.driver != record->driver)
      plan.module = ModuleToLoad(host.tree, record->driver, record->module);
  } else {
    plan.changes = PlanRelease(device, is_given, power);
  }
  if (!TakesFromDriver(device, plan)) return plan;
  std::string note = TRY(CheckUse(host, host.tree, device, force, is_given, Purpose::kGiveBack));
  if (note.empty()) return plan;
  plan.notes[address] = std::move(note);
  plan.users = OtherUsers(host, device);
  return plan;
}

base::Result<AssignmentPlan> PlanUnbinding(const AssignmentHost& host, const PciAddress& address) {
  AssignmentPlan plan;
  const PciDevice device = TRY(ReadDevice(host.tree, address));
  plan.devices = {device};
  plan.changes = PlanUnbind(device);
  plan.users = OtherUsers(host, device);
  if (plan.changes.empty()) return plan;
  for (const Holder& user : plan.users)
    plan.changes.front().reason += fmt::format(", which asks pid {} for it", user.pid);
  return plan;
}

base::Result<std::optional<std::string>> ReadPowerControl(const Tree& tree,
                                                          const PciAddress& address) {
  auto word =
      TRY(ReadIfThere(tree, "/sys/bus/pci/devices/" + address.ToString() + "/power/control"));
  if (word != "on" && word != "auto") return std::nullopt;
  return word;
}

std::string Format(const AssignmentPlan& plan) {
  std::string text;
  if (plan.module) text = "modprobe " + *plan.module + "\n";
  return text + Format(plan.changes);
}

}  // namespace sysfs
