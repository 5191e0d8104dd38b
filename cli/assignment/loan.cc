#include "cli/assignment/loan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/assignment_output.h"
#include "cli/kernel_lines.h"
#include "sysfs/answers.h"
#include "sysfs/assignment/driver_plan.h"
#include "sysfs/assignment/group.h"

namespace cli {
namespace {

using sysfs::AssignmentHost;
using sysfs::PciAddress;

// Devices that this run takes: what is there already is somebody else's to give back.
std::vector<PciAddress> TakenDevices(const std::vector<sysfs::AssignmentPlan>& plans) {
  std::vector<PciAddress> taken;
  for (const sysfs::AssignmentPlan& plan : plans) {
    for (const sysfs::PciDevice& device : plan.devices) {
      if (!sysfs::IsOthersWork(device, plan.driver)) taken.push_back(device.address);
    }
  }
  return taken;
}

// Those that still have a record: a bind that failed has undone the rest.
std::vector<PciAddress> Recorded(const sysfs::Journal& journal,
                                 const std::vector<PciAddress>& devices) {
  std::vector<PciAddress> recorded;
  for (const PciAddress& device : devices) {
    const auto record = journal.Find(device);
    if (!record || *record) recorded.push_back(device);
  }
  return recorded;
}

// What does not answer is kept from the host's driver, whose probe function might hang in it.
base::Result<sysfs::AssignmentResult> Quarantined(const AssignmentHost& host,
                                                  const PciAddress& address) {
  const auto device = sysfs::ReadDevice(host.tree, address, sysfs::Detail::kBrief);
  const std::string driver = device ? device->driver.value_or("no driver") : "no driver";
  return base::Fail(base::Code::kKernel,
                    fmt::format("{}: quarantined: it reads as all ones, and stays on {}",
                                address.ToString(), driver),
                    fmt::format("switch its slot, or the host, off and on; then vassign restore {}",
                                address.ToString()));
}

bool GiveBackAll(Context& context, std::string_view program, AssignmentHost& host,
                 std::vector<PciAddress> devices) {
  bool all = true;
  std::reverse(devices.begin(), devices.end());
  // A bridge's driver makes the slots by which udev names the network interfaces behind it.
  std::stable_partition(devices.begin(), devices.end(), [&](const PciAddress& address) {
    const auto device = sysfs::ReadDevice(host.tree, address, sysfs::Detail::kBrief);
    return device && device->is_bridge();
  });
  for (const PciAddress& address : devices) {
    const base::Result<sysfs::AssignmentResult> result = sysfs::Answers(host.tree, address)
                                                             ? sysfs::Restore(host, address)
                                                             : Quarantined(host, address);
    if (result) {
      context.err << program << ": " << sysfs::Format(*result) << '\n';
      continue;
    }
    all = false;
    context.err << program << ": " << result.error().message() << '\n';
    if (!result.error().hint().empty()) context.err << "  cure: " << result.error().hint() << '\n';
    context.err << KernelLinesText(KernelLines(context, result.error()));
  }
  return all;
}

}  // namespace

base::Result<std::vector<sysfs::AssignmentPlan>> PlanLoan(const AssignmentHost& host,
                                                          const LoanRequest& request) {
  if (request.group) return sysfs::PlanGroupBinding(host, request.bind);
  return std::vector{TRY(sysfs::PlanBinding(host, request.bind))};
}

base::Status FinishAbandoned(Context& context, std::string_view program, AssignmentHost& host) {
  const auto is_dead = [](const sysfs::SessionNote& note) { return !note.alive; };
  const auto seen = TRY(sysfs::ListSessions(host.journal));
  if (std::none_of(seen.begin(), seen.end(), is_dead)) return {};
  // Another run may have begun the same: with the lock only what it has left is to do.
  const sysfs::FileLock lock = TRY(sysfs::LockSessions(host.journal));
  for (const sysfs::SessionNote& note : TRY(sysfs::ListSessions(host.journal))) {
    if (note.alive) continue;
    context.err << fmt::format("{}: giving back what pid {} left behind\n", program, note.pid);
    // Without a record it had not been taken yet: whoever has it now is not this session.
    if (GiveBackAll(context, program, host, Recorded(host.journal, note.devices))) {
      TRY(sysfs::RemoveRecordFile(note.path));
    }
  }
  return {};
}

base::Result<Loan> Loan::Take(Context& context, std::string_view program, AssignmentHost& host,
                              const LoanRequest& request) {
  auto taken = TakenDevices(TRY(PlanLoan(host, request)));
  Loan loan(context, program, host, TRY(sysfs::Session::Begin(host.journal, ::getpid(), taken)));
  auto results =
      request.group ? sysfs::BindGroup(host, request.bind) : sysfs::Bind(host, request.bind);
  if (!results) {
    // A write that is still under way leaves the session to the next run, and so does what cannot
    // be given back.
    const bool under_way = results.error().code() == base::Code::kTimedOut;
    if (!under_way && GiveBackAll(context, program, host, Recorded(host.journal, taken))) {
      TRY(loan.session_.End());
    }
    return base::Failure(WithState(results.error(), *context.tree, request.bind.devices));
  }
  loan.taken_ = std::move(taken);
  loan.results_ = std::move(*results);
  return loan;
}

base::Failure Loan::NotAllGivenBack() {
  return base::Fail(base::Code::kPartial, "not every device was given back",
                    "vassign status shows them; vassign restore --all tries again");
}

base::Result<bool> Loan::GiveBack() {
  if (!GiveBackAll(*context_, program_, *host_, taken_)) return false;
  TRY(session_.End());
  return true;
}

}  // namespace cli
