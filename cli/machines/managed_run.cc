#include "cli/machines/managed_run.h"

#include <array>
#include <csignal>
#include <optional>

#include "cli/assignment_output.h"
#include "cli/machines/fallback_run.h"
#include "cli/machines/primary_addresses.h"
#include "cli/progress.h"
#include "sysfs/modules.h"
#include "vmm/machine.h"
#include "vmm/plan.h"
#include "vmm/signals.h"

namespace cli {
namespace {

constexpr std::string_view kProgram = "vmm";
// They wait while devices are taken and given back.
constexpr std::array kSignals = {SIGTERM, SIGINT, SIGHUP};

// The machine has let go of its devices when this returns.
base::Result<int> RunMachine(Context& context, base::Kernel& kernel, const vmm::Options& options,
                             const vmm::Machine::Acquire& acquire) {
  const auto addresses = HostPrimaryAddresses(*context.tree);
  const auto machine = TRY(vmm::Machine::Create(
      kernel, *context.tree, options, {acquire, MemoryProgress(context), addresses.get()}));
  return machine->Run();
}

}  // namespace

vmm::PopulateProgress MemoryProgress(Context& context) {
  return ByteProgress(context, "of guest RAM prepared");
}

void ManagedOptions::Add(CLI::App& command) {
  CLI::Option* const option =
      command.add_flag("--managed", wanted,
                       "Take the devices from the host's drivers, and give them back at the end");
  command.add_flag("--group", group, "With --managed: with all that shares their IOMMU groups")
      ->needs(option);
  force.Add(command)->needs(option);
}

base::Result<LoanRequest> ManagedRequest(const sysfs::Tree& tree, const vmm::Options& options,
                                         const ManagedOptions& managed) {
  LoanRequest request;
  request.group = managed.group;
  request.bind.force = TRY(managed.force.Parse());
  for (const vmm::AssignRequest& assign : options.assign) {
    // With a whole group, what is on vfio-pci already may have neighbours that are not.
    if (managed.group || !TRY(vmm::ReadHostDevice(tree, assign.host)).on_vfio)
      request.bind.devices.push_back(assign.host);
  }
  return request;
}

base::Status CheckManaged(Context& context, const vmm::Options& options,
                          const ManagedOptions& managed) {
  const LoanRequest request = TRY(ManagedRequest(*context.tree, options, managed));
  if (request.bind.devices.empty()) return {};
  ChangingOptions reading;
  reading.dry_run = true;
  const auto host = TRY(ReachHost(context, "plan --managed", reading, kProgram));
  TRY(PlanLoan(host, request));
  return {};
}

base::Result<int> RunManaged(Context& context, base::Kernel& kernel, const vmm::Options& wanted,
                             const ManagedOptions& managed) {
  const auto signals = TRY(vmm::SignalSource::Create(kSignals));
  auto host = ReachHost(context, "run --managed", {}, kProgram);
  if (host) TRY(FinishAbandoned(context, kProgram, *host));
  const vmm::Options options = TRY(TakeFallbacks(context, kernel, wanted, managed));
  const LoanRequest request = TRY(ManagedRequest(*context.tree, options, managed));
  if (request.bind.devices.empty()) {
    PauseGuard(context);
    return RunMachine(context, kernel, options, {});
  }
  if (!host) return base::Failure(host.error());
  TRY(PlanLoan(*host, request));
  std::optional<Loan> loan;
  const base::Result<int> status = RunMachine(context, kernel, options, [&]() -> base::Status {
    loan.emplace(TRY(Loan::Take(context, kProgram, *host, request)));
    PauseGuard(context);
    // What gives them back may not execute (vmm/confinement).
    if (host->load_module) {
      host->load_module = [](const std::string& module) { return sysfs::Load(module, true); };
    }
    return {};
  });
  ResumeGuard(context);
  const bool given_back = !loan || TRY(loan->GiveBack());
  const int ended = TRY(status);
  if (given_back) return ended;
  return Loan::NotAllGivenBack();
}

}  // namespace cli
