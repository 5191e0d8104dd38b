#include "cli/assignment/bind_command.h"

#include <memory>

#include "cli/assignment/wanted_driver.h"
#include "cli/assignment_output.h"
#include "cli/automation/persist.h"
#include "cli/devices/selector.h"
#include "cli/force_option.h"
#include "sysfs/assignment/group.h"
#include "sysfs/assignment/session.h"

namespace cli {
namespace {

struct BindOptions {
  std::vector<std::string> devices;
  std::string driver = "vfio-pci";
  ForceOption force;
  bool group = false;
  bool persist = false;
  ChangingOptions changing;
};

// A device named twice is a mistake, also by two names; a group or a number means several.
base::Result<std::vector<sysfs::PciAddress>> SelectEach(const sysfs::Tree& tree,
                                                        const std::vector<std::string>& texts) {
  std::vector<sysfs::PciAddress> all;
  for (const std::string& text : texts) {
    for (const sysfs::PciAddress& address : TRY(Select(tree, text))) all.push_back(address);
  }
  return all;
}

base::Status RunBind(Context& context, const BindOptions& options) {
  sysfs::BindRequest request;
  request.force = TRY(options.force.Parse());
  sysfs::AssignmentHost host = TRY(ReachHost(context, "bind", options.changing));
  request.devices = TRY(SelectEach(*context.tree, options.devices));
  request.driver = TRY(WantedDriver(*context.tree, options.driver, request.devices));
  // Before the change: what VFIO has tells no serial number and no MAC address.
  std::vector<PersistPlan> persisted;
  if (options.persist) persisted = TRY(PlanPersist(context, request, options.group));
  if (options.changing.dry_run) {
    TRY(sysfs::CheckIdle(host, request.devices));
    const auto plans = options.group ? TRY(sysfs::PlanGroupBinding(host, request))
                                     : std::vector{TRY(sysfs::PlanBinding(host, request))};
    PrintPlans(context, plans, FilesOf(context, persisted));
    return {};
  }
  const auto results = options.group ? sysfs::BindGroup(host, request) : sysfs::Bind(host, request);
  if (!results) return base::Failure(WithState(results.error(), *context.tree, request.devices));
  TRY(sysfs::TidySessions(host.journal, request.devices));
  PrintResults(context, "vassign.bind/1", *results);
  if (!options.persist) return {};
  return StorePersisted(context, persisted);
}

}  // namespace

void AddBindCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<BindOptions>();
  CLI::App* command =
      app.add_subcommand("bind", "Take devices from their drivers and give them to vfio-pci");
  command->add_option("DEV", options->devices, "The devices")->type_name("")->required();
  command
      ->add_option("--driver", options->driver,
                   "Another driver than vfio-pci; best: the VFIO driver that knows them best")
      ->type_name("NAME");
  command->add_flag("--group", options->group,
                    "With all that shares their IOMMU groups; bridges whose drivers are in the way "
                    "go to pci-stub");
  command->add_flag("--persist", options->persist,
                    "Also at the next boot: an entry for each device in /etc/vassign/conf.d");
  options->force.Add(*command);
  AddChangingOptions(*command, context, options->changing);
  command->footer(
      "All devices or none. What was there before is kept in /run/vassign until vassign restore.\n"
      "A device in use is refused with what uses it (4), one whose IOMMU group is held by host\n"
      "drivers with the drivers (5). Members of a group are bound together: --group, or name them "
      "all.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunBind(context, *options); };
  });
}

}  // namespace cli
