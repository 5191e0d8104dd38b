#include "sriov/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/assignment/driver_plan.h"

namespace sriov {
namespace {

using sysfs::Change;

Change WriteTo(const std::string& path, std::string value, std::string reason) {
  return {{path, std::move(value)}, std::move(reason)};
}

Change WriteCount(const PhysicalFunction& pf, unsigned count, std::string reason) {
  return WriteTo(pf.device.path() + "/sriov_numvfs", std::to_string(count), std::move(reason));
}

std::string NameOf(const VirtualFunction& function) {
  return fmt::format("function {} ({})", function.index, function.device.address.ToString());
}

void Append(Steps& steps, Steps more) {
  steps.insert(steps.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

void Append(Steps& steps, const sysfs::ChangeSet& changes) {
  for (Change change : changes) {
    change.undo.clear();
    steps.emplace_back(std::move(change));
  }
}

// The driver and override that a record has for a function.
sysfs::ChangeSet PlanRecorded(const VirtualFunction& function, const FunctionRecord& to) {
  sysfs::RestoreItem item = {function.device, {}};
  item.record.driver = to.driver;
  item.record.driver_override = to.driver_override;
  return sysfs::PlanRestore({&item, 1});
}

// Only root's vfio-pci or an override keeps a function from the driver that the kernel prefers.
sysfs::ChangeSet PlanKernel(const VirtualFunction& function, bool probes) {
  const sysfs::PciDevice& device = function.device;
  const bool is_given = device.driver_override && device.driver == device.driver_override;
  if (device.driver_override) return sysfs::PlanRelease(device, is_given);
  if (device.driver || !probes) return {};
  return {{{"/sys/bus/pci/drivers_probe", device.address.ToString()},
           "let the kernel find a driver for " + NameOf(function)}};
}

base::Result<Steps> PlanResources(const PhysicalFunction& pf) {
  Steps steps;
  const bool lacks = std::any_of(pf.functions.begin(), pf.functions.end(), [](const auto& one) {
    return one.controller && !one.controller->online;
  });
  if (!pf.primary || !lacks) return steps;
  const NvmeShare share = TRY(DivideResources(*pf.primary, pf.count));
  for (const VirtualFunction& function : pf.functions) {
    if (!function.controller || function.controller->online) continue;
    for (const NvmeCommand& command : PlanAssign(*function.controller, share)) {
      const bool is_queues = command.resource == NvmeResource::kQueues;
      steps.emplace_back(
          NvmeChange{pf.nvme, command,
                     fmt::format("give {} {} to {}", command.count,
                                 is_queues ? "queues" : "interrupts", NameOf(function))});
    }
    steps.emplace_back(WriteTo(function.device.path() + "/reset", "1",
                               fmt::format("let {} see its resources", NameOf(function))));
    steps.emplace_back(
        NvmeChange{pf.nvme,
                   {NvmeAction::kOnline, function.controller->controller, NvmeResource::kQueues, 0},
                   fmt::format("set {} online", NameOf(function))});
  }
  return steps;
}

VfAttributes WantedAttributes(const PhysicalFunction& pf, const Goal& goal,
                              const VirtualFunction& function, const std::string& machine_id) {
  VfAttributes wanted;
  if (goal.drivers == Drivers::kRecorded) {
    if (!goal.record || function.index >= goal.record->functions.size()) return wanted;
    return goal.record->functions[function.index].attributes;
  }
  if (const auto found = goal.settings.find(function.index); found != goal.settings.end())
    wanted = found->second.attributes;
  // A driver that runs has chosen an address already and does not look again.
  const auto& mac = function.attributes.mac;
  if (!wanted.mac && mac && mac->is_zero() && !function.device.driver)
    wanted.mac = StableMac(machine_id, pf.device.address, function.index);
  return wanted;
}

}  // namespace

Steps PlanAutoprobe(const PhysicalFunction& pf, std::optional<bool> value,
                    const std::string& reason) {
  if (!value || !pf.autoprobe || pf.autoprobe == value) return {};
  return {WriteTo(pf.device.path() + "/sriov_drivers_autoprobe", *value ? "1" : "0", reason)};
}

Steps PlanTeardown(const PhysicalFunction& pf, const Goal& goal) {
  Steps steps;
  if (goal.count > 0 && (Recreates(pf, goal) || goal.drivers == Drivers::kNone))
    Append(steps, PlanAutoprobe(pf, false, "keep the host's drivers off new functions"));
  if (Recreates(pf, goal) && pf.count > 0) {
    steps.emplace_back(WriteCount(pf, 0,
                                  fmt::format("take away the {} virtual functions of {}", pf.count,
                                              pf.device.address.ToString())));
  }
  return steps;
}

base::Result<Steps> PlanPrimary(const PhysicalFunction& pf, const Goal& goal) {
  Steps steps;
  if (!pf.primary || pf.count != 0) return steps;
  NvmePrimaryShare share = {pf.primary->queues.primary, pf.primary->interrupts.primary};
  if (goal.drivers == Drivers::kRecorded) {
    if (goal.record && goal.record->primary) share = *goal.record->primary;
  } else if (goal.count > 0) {
    share = TRY(PlanPrimaryShare(*pf.primary, goal.count));
  }
  for (const NvmeCommand& command : PlanPrimaryCommands(*pf.primary, share)) {
    const bool is_queues = command.resource == NvmeResource::kQueues;
    steps.emplace_back(NvmeChange{pf.nvme, command,
                                  fmt::format("leave {} flexible {} to {} itself", command.count,
                                              is_queues ? "queues" : "interrupts", pf.nvme)});
  }
  if (!steps.empty()) {
    steps.emplace_back(WriteTo(pf.device.path() + "/reset", "1",
                               fmt::format("let {} see what it has now", pf.nvme)));
  }
  return steps;
}

Steps PlanCreate(const PhysicalFunction& pf, const Goal& goal) {
  if (!Recreates(pf, goal) || goal.count == 0) return {};
  return {WriteCount(
      pf, goal.count,
      fmt::format("enable {} virtual functions of {}", goal.count, pf.device.address.ToString()))};
}

base::Result<Steps> PlanSettings(const PhysicalFunction& pf, const Goal& goal,
                                 const std::string& machine_id) {
  Steps steps = TRY(PlanResources(pf));
  for (const VirtualFunction& function : pf.functions) {
    const auto settings = goal.settings.find(function.index);
    const bool is_asked = settings != goal.settings.end();
    if (is_asked && settings->second.msix_count)
      Append(steps, PlanMsix(pf, function.index, *settings->second.msix_count));
    const std::string reason = goal.drivers == Drivers::kRecorded ? "as it was"
                               : is_asked                         ? "as asked for"
                                          : "an address that stays the same at every boot";
    Append(steps, PlanAttributes(pf, function.index,
                                 WantedAttributes(pf, goal, function, machine_id), reason));
  }
  return steps;
}

Steps PlanDrivers(const PhysicalFunction& pf, const Goal& goal, bool probes) {
  Steps steps;
  for (const VirtualFunction& function : pf.functions) {
    switch (goal.drivers) {
      case Drivers::kKernel:
        Append(steps, PlanKernel(function, probes));
        break;
      case Drivers::kNone:
        Append(steps, PlanRecorded(function, {}));
        break;
      case Drivers::kVfio:
        break;
      case Drivers::kRecorded:
        if (goal.record && function.index < goal.record->functions.size()) {
          Append(steps, PlanRecorded(function, goal.record->functions[function.index]));
        }
        break;
    }
  }
  return steps;
}

Steps PlanAttributes(const PhysicalFunction& pf, unsigned index, const VfAttributes& wanted,
                     const std::string& reason) {
  Steps steps;
  if (index >= pf.functions.size()) return steps;
  const VfAttributes difference = Difference(wanted, pf.functions[index].attributes);
  for (const VfAttributes& one : Single(difference))
    steps.emplace_back(LinkChange{pf.interface, index, one, reason});
  return steps;
}

Steps PlanMsix(const PhysicalFunction& pf, unsigned index, unsigned count) {
  if (index >= pf.functions.size() || pf.functions[index].msix_count == count) return {};
  const VirtualFunction& function = pf.functions[index];
  return {WriteTo(function.device.path() + "/sriov_vf_msix_count", std::to_string(count),
                  fmt::format("give {} MSI-X vectors to {}", count, NameOf(function)))};
}

}  // namespace sriov
