#include "sriov/session.h"

#include <fmt/format.h>

#include "sriov/await.h"
#include "sriov/check.h"
#include "sysfs/assignment/deadline_tree.h"
#include "sysfs/assignment/identity_tree.h"
#include "sysfs/assignment/unbind.h"

namespace sriov {

base::Status Session::Lock(unsigned count, const sysfs::FileLock* held) {
  sysfs::AssignmentHost& host = host_.assignment;
  TRY(host.journal.Prepare());
  if (!held) own_lock_ = TRY(sysfs::TakeHostLock(host.journal.folder(), host.lock_patience));
  host_lock_ = held ? held : &*own_lock_;
  locks_ = TRY(sysfs::TakeDeviceLocks(host, {pf_}));
  deadline_ = CountDeadline(host.write_deadline, count);
  return {};
}

base::Result<PhysicalFunction> Session::Read() {
  const sysfs::Tree& tree = host_.assignment.tree;
  const auto device = TRY(sysfs::ReadDevice(tree, pf_, sysfs::Detail::kBrief));
  const std::string name = TRY(NvmeController(tree, device));
  if (name != nvme_name_) {
    nvme_.reset();
    nvme_name_ = name;
    if (!name.empty() && host_.open_nvme) {
      auto admin = host_.open_nvme("/dev/" + name);
      if (admin) nvme_ = std::move(*admin);
    }
  }
  if (card_) TRY(sysfs::CheckCard(tree, *card_));
  if (!card_) card_ = device;
  return ReadFunctions(tree, pf_, {&host_.links, nvme_.get()});
}

base::Status Session::Perform(const Steps& steps, const std::vector<VirtualFunction>& functions) {
  if (steps.empty()) return {};
  sysfs::AssignmentHost& host = host_.assignment;
  std::vector<sysfs::PciAddress> addresses;
  for (const VirtualFunction& one : functions) addresses.push_back(one.device.address);
  auto more = TRY(sysfs::TakeDeviceLocks(host, addresses));
  const size_t own = locks_.size();
  for (sysfs::FileLock& lock : more) locks_.push_back(std::move(lock));
  sysfs::DeadlineTree deadline_tree(host.tree, deadline_, locks_,
                                    sysfs::TellWaits(host.on_wait, pf_.ToString(), deadline_));
  sysfs::Tree& tree = host.in_process_writes ? host.tree : deadline_tree;
  std::vector<sysfs::PciDevice> cards;
  for (const VirtualFunction& one : functions) cards.push_back(one.device);
  sysfs::IdentityTree checked(tree, cards);
  Doer doer = {checked, host.apply, &host_.links, nvme_.get(), card_ ? &*card_ : nullptr};
  base::Status status = sriov::Perform(doer, steps);
  if (host.on_wait) host.on_wait("");
  while (locks_.size() > own) locks_.pop_back();
  return status;
}

base::Status Session::AwaitDrive() {
  const sysfs::Tree& tree = host_.assignment.tree;
  const std::string path =
      fmt::format("/sys/bus/pci/devices/{}/nvme/{}/state", pf_.ToString(), nvme_name_);
  const auto works = [&] { return sysfs::ReadText(tree, path).value_or("live") == "live"; };
  if (works()) return {};
  const sysfs::Waiter waiter =
      host_.assignment.listen ? TRY(host_.assignment.listen()) : sysfs::Waiter();
  if (waiter && waiter(works, deadline_)) return {};
  return base::Fail(
      base::Code::kTimedOut,
      fmt::format("{}: {} does not work again after its reset", pf_.ToString(), nvme_name_),
      "cat " + path + "; dmesg | tail");
}

base::Status Session::UnbindAll(const std::vector<sysfs::AssignmentPlan>& plans) {
  for (const sysfs::AssignmentPlan& plan : plans)
    TRY(sysfs::Unbind(host_.assignment, plan.devices.front().address, *host_lock_));
  return {};
}

base::Status Session::BindAll(const PhysicalFunction& pf) {
  if (pf.functions.empty()) return {};
  TRY(sysfs::Bind(host_.assignment, VfioRequest(pf), *host_lock_));
  return {};
}

base::Status Session::DropRecords(const std::vector<VirtualFunction>& functions) {
  const sysfs::Journal& journal = host_.assignment.journal;
  for (const VirtualFunction& one : functions) {
    const auto record = journal.Find(one.device.address);
    if (record && *record && !is_undoing_) dropped_.push_back(**record);
    TRY(journal.Remove(one.device.address));
  }
  return {};
}

void Session::PutBackRecords() {
  // A function without its record is restored to what the kernel prefers: no reason to fail.
  for (const sysfs::Record& record : dropped_) (void)host_.assignment.journal.Store(record);
  dropped_.clear();
}

}  // namespace sriov
