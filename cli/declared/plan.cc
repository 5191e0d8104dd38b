#include "cli/declared/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "sriov/record.h"
#include "sysfs/assignment/group.h"

namespace cli {
namespace {

using sysfs::AssignmentPlan;
using sysfs::PciAddress;
using sysfs::PciDevice;

std::string NameOf(const std::optional<std::string>& driver) { return driver.value_or("none"); }

// Another device of the group is named, the entry's own is not.
std::vector<std::string> BindingDifferences(const PciAddress& own,
                                            const std::vector<AssignmentPlan>& plans) {
  std::vector<std::string> all;
  for (const AssignmentPlan& plan : plans) {
    for (const PciDevice& device : plan.devices) {
      const std::string prefix =
          device.address == own ? std::string() : device.address.ToString() + " ";
      if (device.driver != plan.driver) {
        all.push_back(fmt::format("{}driver {} -> {}", prefix, NameOf(device.driver), plan.driver));
      } else if (device.driver_override != plan.driver) {
        all.push_back(fmt::format("{}override {} -> {}", prefix, NameOf(device.driver_override),
                                  plan.driver));
      }
    }
  }
  return all;
}

std::vector<std::string> FunctionDifferences(const sriov::SetPlan& plan, const Functions& wanted) {
  if (plan.empty()) return {};
  std::vector<std::string> all;
  if (plan.pf.count != wanted.count) {
    all.push_back(fmt::format("virtual functions {} -> {}", plan.pf.count, wanted.count));
    return all;
  }
  for (const sriov::Step& step : plan.steps) {
    if (const auto* link = std::get_if<sriov::LinkChange>(&step)) {
      all.push_back(fmt::format("function {}: {}", link->index, sriov::Format(link->to)));
    } else {
      all.push_back(sriov::ReasonOf(step));
    }
  }
  return all;
}

base::Result<std::vector<AssignmentPlan>> PlanBindings(const sysfs::AssignmentHost& host,
                                                       const Entry& entry,
                                                       const PciAddress& address) {
  const sysfs::BindRequest request = BindingOf(entry, address);
  if (entry.group) return sysfs::PlanGroupBinding(host, request);
  return std::vector{TRY(sysfs::PlanBinding(host, request))};
}

base::Result<EntryPlan> PlanEntry(const DeclaredHost& host, EntryPlan plan) {
  const Entry& entry = plan.entry;
  const PciAddress address = plan.found->device.address;
  TRY(sysfs::CheckIdle(host.assignment(), {address}));
  if (entry.driver) {
    plan.bindings = TRY(PlanBindings(host.assignment(), entry, address));
    plan.differences = BindingDifferences(address, plan.bindings);
  }
  if (entry.functions) {
    plan.functions = TRY(sriov::PlanSet(host.sriov, FunctionsOf(entry, address)));
    plan.differences = FunctionDifferences(*plan.functions, *entry.functions);
  }
  if (!entry.access) return plan;
  plan.access = TRY(PlanAccess(host.nodes, *entry.access, TRY(AccessNodes(host, plan))));
  // With new nodes the access comes with them.
  if (plan.differences.empty()) {
    for (const AccessChange& change : plan.access)
      plan.differences.push_back("access to " + change.node);
  }
  return plan;
}

base::Failure InEntry(const Entry& entry, base::Error error) {
  return base::Failure(std::move(error).With(fmt::format("{}: {}", entry.place, entry.name)));
}

std::optional<std::string> RecordText(const sysfs::Journal& journal, const PciAddress& address) {
  const auto record = journal.Find(address);
  if (!record || !*record) return std::nullopt;
  return sysfs::FormatRecord(**record);
}

Touched& Touch(std::vector<Touched>& all, const sysfs::Journal& journal,
               const PciAddress& address) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Touched& one) { return one.address == address; });
  if (found != all.end()) return *found;
  all.push_back({address, {}, RecordText(journal, address), {}, {}});
  return all.back();
}

base::Status TouchFunctions(std::vector<Touched>& all, const sysfs::Journal& journal,
                            const sriov::PhysicalFunction& pf) {
  const auto record = TRY(sriov::FindRecord(journal, pf.device.address));
  Touched& one = Touch(all, journal, pf.device.address);
  one.functions_before = sriov::FormatRecord(sriov::MakeRecord(pf, journal.boot_id()));
  if (record) one.functions_record = sriov::FormatRecord(*record);
  for (const sriov::VirtualFunction& function : pf.functions)
    Touch(all, journal, function.device.address);
  return {};
}

}  // namespace

bool DeclaredPlan::empty() const {
  return std::all_of(entries.begin(), entries.end(), [](const auto& one) { return one.empty(); });
}

sysfs::BindRequest BindingOf(const Entry& entry, const PciAddress& address) {
  sysfs::BindRequest request;
  request.devices = {address};
  request.driver = entry.driver.value_or("");
  request.force = entry.force;
  return request;
}

sriov::SetRequest FunctionsOf(const Entry& entry, const PciAddress& address) {
  const Functions& wanted = *entry.functions;
  return {address, wanted.count, wanted.drivers, wanted.settings};
}

std::map<std::string, base::Error> FindConflicts(const Config& config, const Pinned& pinned,
                                                 const std::vector<HostDevice>& devices,
                                                 const Selection& selection) {
  std::map<PciAddress, const Entry*> first;
  std::map<std::string, base::Error> all;
  for (const Entry& entry : config) {
    const auto found = Resolve(entry, pinned, devices, selection.repin);
    if (!found || !*found) continue;
    const PciAddress address = (*found)->device.address;
    if (selection.only && address != *selection.only) continue;
    const auto [place, is_new] = first.emplace(address, &entry);
    if (is_new) continue;
    const Entry& other = *place->second;
    const std::string text =
        fmt::format("{} and {} are both {}", other.name, entry.name, address.ToString());
    const auto add = [&](const Entry& one, const Entry& rival) {
      all.emplace(one.name, base::Error(base::Code::kUsage, one.place + ": " + text)
                                .WithHint("one entry for one device: see " + rival.place));
    };
    add(other, entry);
    add(entry, other);
  }
  return all;
}

base::Result<DeclaredPlan> PlanDeclared(const DeclaredHost& host, const Config& config,
                                        const Selection& selection) {
  const Pinned pinned = TRY(host.pins.Read());
  const auto devices = TRY(ReadHostDevices(host.assignment().tree, config, pinned, host.permanent));
  DeclaredPlan plan;
  const auto conflicts = FindConflicts(config, pinned, devices, selection);
  for (const Entry& entry : config) {
    auto found = Resolve(entry, pinned, devices, selection.repin);
    // What is wrong with another device is not this one's matter.
    const auto concerns = [&](const HostDevice& device) {
      return device.address == selection.only && Concerns(entry, pinned, device);
    };
    if (!found && selection.only && std::none_of(devices.begin(), devices.end(), concerns))
      continue;
    const auto resolved = TRY(std::move(found));
    if (!resolved) {
      if (!selection.only) plan.notes.push_back(fmt::format("{}: not there", entry.name));
      continue;
    }
    const PciAddress address = resolved->device.address;
    if (selection.only && address != *selection.only) continue;
    if (const auto conflict = conflicts.find(entry.name); conflict != conflicts.end())
      return base::Failure(conflict->second);
    if (!resolved->note.empty())
      plan.notes.push_back(fmt::format("{}: {}", entry.name, resolved->note));
    EntryPlan one;
    one.entry = entry;
    one.found = resolved;
    auto planned = PlanEntry(host, std::move(one));
    if (!planned) return InEntry(entry, std::move(planned.error()));
    plan.entries.push_back(std::move(*planned));
  }
  return plan;
}

base::Result<std::vector<Touched>> Snapshot(const DeclaredHost& host, const DeclaredPlan& plan) {
  const sysfs::Journal& journal = host.assignment().journal;
  std::vector<Touched> all;
  for (const EntryPlan& entry : plan.entries) {
    if (entry.empty()) continue;
    for (const AssignmentPlan& binding : entry.bindings) {
      for (const PciDevice& device : binding.devices) {
        sysfs::Record before = TRY(sysfs::RecordOf(host.assignment(), device));
        before.wanted = binding.driver;
        Touch(all, journal, device.address).device_before = sysfs::FormatRecord(before);
      }
    }
    if (entry.functions) TRY(TouchFunctions(all, journal, entry.functions->pf));
  }
  return all;
}

base::Result<std::vector<std::string>> AccessNodes(const DeclaredHost& host,
                                                   const EntryPlan& plan) {
  const sysfs::Tree& tree = host.assignment().tree;
  std::vector<std::string> nodes;
  const auto find = [&](const PciAddress& address,
                        sysfs::Detail detail) -> base::Result<std::optional<sysfs::PciDevice>> {
    auto device = sysfs::ReadDevice(tree, address, detail);
    if (!device && device.error().code() == base::Code::kNotFound)
      return std::optional<sysfs::PciDevice>();
    return std::optional<sysfs::PciDevice>(TRY(std::move(device)));
  };
  const auto add = [&](const PciAddress& address) -> base::Status {
    const auto device = TRY(find(address, sysfs::Detail::kFull));
    if (!device || !device->driver || *device->driver != device->driver_override) return {};
    for (const std::string& node : sysfs::VfioNodes(tree, *device)) nodes.push_back(node);
    return {};
  };
  const PciAddress own = plan.found->device.address;
  if (plan.entry.driver) TRY(add(own));
  if (!plan.entry.functions) return nodes;
  const auto device = TRY(find(own, sysfs::Detail::kUnlocked));
  if (!device) return nodes;
  for (const PciAddress& function : device->virtfns) TRY(add(function));
  return nodes;
}

}  // namespace cli
