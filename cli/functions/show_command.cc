// `vassign sriov show`: physical functions, and what each of their virtual ones is.
#include <unistd.h>

#include <memory>

#include "cli/assignment_output.h"
#include "cli/commands.h"
#include "cli/devices/selector.h"
#include "cli/functions/command.h"
#include "cli/functions/output.h"
#include "sriov/functions.h"
#include "sriov/guarded_links.h"
#include "sysfs/guarded.h"

namespace cli {
namespace {

using sysfs::PciAddress;

// A virtual function stands for the physical one that it belongs to.
base::Result<std::vector<PciAddress>> Selected(const sysfs::Tree& tree,
                                               const std::vector<std::string>& texts) {
  if (texts.empty()) return sriov::ListPhysicalFunctions(tree);
  return SelectAll(tree, texts);
}

base::Result<sriov::PhysicalFunction> ReadOne(Context& context, const PciAddress& address) {
  const sysfs::Tree& tree = *context.tree;
  if (!context.sysroot.empty()) return sriov::ReadFunctions(tree, address, {});
  sysfs::AssignmentHost assignment = sysfs::MakeAssignmentHost(*context.tree);
  const auto links = sriov::GuardedVfLinks(sriov::NetlinkVfLinks(), sysfs::Patience().total);
  sriov::Host host = {assignment, *links, {}, {}, {}};
  if (context.sriov_host) {
    host.open_nvme = context.sriov_host(assignment).open_nvme;
  } else if (::geteuid() == 0) {
    host.open_nvme = [](const std::string& node) {
      return sriov::OpenNvmeAdmin(base::HostKernel(), node);
    };
  }
  sriov::VfLinks& cards = context.sriov_host ? context.sriov_host(assignment).links : *links;
  const auto device = TRY(sysfs::ReadDevice(tree, address, sysfs::Detail::kBrief));
  const std::string name = TRY(sriov::NvmeController(tree, device));
  std::unique_ptr<sriov::NvmeAdmin> nvme;
  if (!name.empty() && host.open_nvme) {
    auto admin = host.open_nvme("/dev/" + name);
    if (admin) nvme = std::move(*admin);
  }
  return sriov::ReadFunctions(tree, address, {&cards, nvme.get()});
}

base::Status RunShow(Context& context, const std::vector<std::string>& selectors) {
  Json list = Json::array();
  std::string text;
  if (!context.sriov_host) GuardReads(context, sysfs::Patience().total);
  for (const PciAddress& address : TRY(Selected(*context.tree, selectors))) {
    const auto pf = TRY(ReadOne(context, address));
    if (context.json) {
      list.push_back(SriovJson(pf));
    } else {
      text += (text.empty() ? "" : "\n") + SriovText(context, pf);
    }
  }
  if (context.json) {
    PrintJson(context.out, {{"schema", "vassign.sriov.show/1"}, {"pfs", std::move(list)}});
  } else {
    context.out << (text.empty() ? "no device here has virtual functions\n" : text);
  }
  return {};
}

}  // namespace

void AddSriovShowCommand(CLI::App& sriov, Context& context) {
  auto selectors = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      sriov.add_subcommand("show", "Show physical functions and their virtual ones");
  command->add_option("PF", *selectors, "Physical functions; all when none is named")
      ->type_name("");
  AddReadingOptions(*command, context);
  command->footer(
      "Works without root; a drive's queues and interrupts are shown to root only. VLAN is\n"
      "ID:QOS, MBIT/S the least and the highest rate.");
  command->callback([selectors, &context] {
    context.run = [selectors, &context] { return RunShow(context, *selectors); };
  });
}

}  // namespace cli
