#include "sysfs/assignment/reset.h"

#include <fmt/format.h>

#include "sysfs/assignment/deadline_tree.h"
#include "sysfs/assignment/identity_tree.h"
#include "sysfs/base/bits.h"
#include "sysfs/pci_registers.h"
#include "sysfs/reset_methods.h"

namespace sysfs {
namespace {

// A function that a reset has lost answers all ones to everything.
base::Status CheckAnswers(const Tree& tree, const PciDevice& device) {
  const auto header = tree.ReadBytes(device.path() + "/config", sizeof(uint16_t));
  const bool answers = header && header->size() == sizeof(uint16_t) &&
                       base::LoadLe<uint16_t>(*header, registers::header::kVendor) != 0xffff;
  // A virtual function has no identity of its own there (PCIe 6.0, 9.3.4.1.1).
  if (answers || device.physfn) return {};
  return base::Fail(base::Code::kKernel,
                    device.address.ToString() + ": does not answer after the reset",
                    "its slot has to be switched off and on; until then give it to nobody");
}

}  // namespace

base::Result<ResetPlan> PlanReset(const AssignmentHost& host, const PciAddress& address,
                                  const ForceSet& force) {
  ResetPlan plan;
  plan.device = TRY(ReadDevice(host.tree, address));
  const PciDevice& device = plan.device;
  const std::string name = address.ToString();
  if (device.is_bridge()) {
    return base::Fail(base::Code::kUnfit, name + ": is a bridge; its reset is one of all behind it",
                      "name the devices behind it: vassign list --tree");
  }
  plan.methods = ReadResetMethods(host.tree, address).value_or(std::vector<std::string>());
  const std::string path = device.path() + "/reset";
  if (!host.tree.Exists(path)) {
    return base::Fail(base::Code::kUnsupported, name + ": the kernel knows no way to reset it",
                      "switch its slot, or the host, off and on");
  }
  if (device.sriov_numvfs.value_or(0) > 0) {
    return base::Fail(
        base::Code::kInUse,
        fmt::format("{}: its {} virtual functions would be lost", name, *device.sriov_numvfs),
        fmt::format("vassign sriov set {} 0", name));
  }
  const auto evidence = FindEvidence(host.tree, device, host.sources);
  TRY(CheckEvidence(address, evidence, force));
  plan.changes.push_back({{path, "1"}, "reset " + name});
  return plan;
}

base::Result<ResetPlan> Reset(AssignmentHost& host, const PciAddress& address,
                              const ForceSet& force) {
  TRY(host.journal.Prepare());
  const FileLock host_lock = TRY(TakeHostLock(host.journal.folder(), host.lock_patience));
  const auto locks = TRY(TakeDeviceLocks(host, {address}));
  ResetPlan plan = TRY(PlanReset(host, address, force));
  DeadlineTree deadline_tree(host.tree, host.write_deadline, locks,
                             TellWaits(host.on_wait, address.ToString(), host.write_deadline));
  Tree& writer = host.in_process_writes ? host.tree : deadline_tree;
  IdentityTree tree(writer, {&plan.device, 1});
  base::Status done = Apply(tree, plan.changes, host.apply);
  if (host.on_wait) host.on_wait("");
  TRY(std::move(done));
  TRY(CheckAnswers(host.tree, plan.device));
  return plan;
}

}  // namespace sysfs
