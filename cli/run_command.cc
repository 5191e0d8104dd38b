#include "cli/run_command.h"

#include <linux/close_range.h>
#include <unistd.h>

#include <memory>

#include "cli/assignment_output.h"
#include "cli/machines/fallback_run.h"
#include "cli/machines/machine_options.h"
#include "cli/machines/primary_addresses.h"
#include "sysfs/base/kernel.h"
#include "vfio/handed_over.h"
#include "vmm/machine.h"

namespace cli {
namespace {

base::Status RunRun(Context& context, const RunArguments& arguments) {
  // What was inherited goes no further, whatever it is.
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  const vmm::Options wanted = TRY(MakeOptions(*context.tree, arguments));
  vfio::HandedOverKernel kernel(base::HostKernel());
  for (const vfio::HandedOver& one : wanted.handed_over) TRY(kernel.Take(one));
  if (wanted.managed) {
    context.status = TRY(RunManaged(context, kernel, wanted, arguments.managed));
    return {};
  }
  const vmm::Options options = TRY(TakeFallbacks(context, kernel, wanted, arguments.managed));
  PauseGuard(context);
  const auto addresses = HostPrimaryAddresses(*context.tree);
  const auto machine = TRY(vmm::Machine::Create(kernel, *context.tree, options,
                                                {{}, MemoryProgress(context), addresses.get()}));
  context.status = TRY(machine->Run());
  return {};
}

}  // namespace

void AddRunCommand(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "Run a machine until it powers off");
  AddMachineOptions(*command, *arguments);
  command->add_flag("--stats", arguments->stats, "Print exits, maps and traps at the end");
  command->footer(
      "Without --kernel the guest is the host's own kernel with a generated initramfs: the "
      "drivers\n"
      "of the assigned devices and a shell. On the terminal, Ctrl-A X ends the machine, Ctrl-A H\n"
      "lists the keys. SIGTERM presses the power button; a second one, or 30 s, ends the machine.\n"
      "--managed binds as vassign bind does, with its refusals, and gives back however the machine "
      "ends;\n"
      "what a killed one has left, the next run or vassign restore --all gives back.\n"
      "With --exec our own failures have the status 125.\n"
      "fd=N is the descriptor of a device's file, or of its group (then host=DEV may name the "
      "member),\n"
      "opened by somebody else: vassign with DEV --fds -- vmm run --assign fd={fd} --dma "
      "fd={dma}.\n"
      "token=UUID: of a physical function on vfio-pci it is set, of its virtual functions it has "
      "to "
      "be\n"
      "the same.\n"
      "fallback=virtio: when the device cannot be assigned, a virtio device on its disk, or on a\n"
      "macvtap over its interface, serves instead, with the reason on standard error.\n"
      "A device's addr is its place on the guest's bus (05.0); its config says what the guest may\n"
      "do with configuration registers that only the maker knows: strict (no writes), standard\n"
      "(counted), permissive (all).");
  command->callback([arguments, &context] {
    context.run = [arguments, &context] { return RunRun(context, *arguments); };
  });
}

}  // namespace cli
