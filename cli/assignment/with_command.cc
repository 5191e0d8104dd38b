#include "cli/assignment/with_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <memory>

#include "cli/assignment/loan.h"
#include "cli/assignment/placeholders.h"
#include "cli/assignment/wanted_driver.h"
#include "cli/assignment_output.h"
#include "cli/child.h"
#include "cli/devices/selector.h"
#include "cli/force_option.h"

namespace cli {
namespace {

using sysfs::AssignmentHost;
using sysfs::AssignmentResult;
using sysfs::PciAddress;

constexpr std::string_view kProgram = "vassign";

struct WithOptions {
  std::vector<std::string> devices;
  std::string driver = "vfio-pci";
  bool group = false;
  bool fds = false;
  ForceOption force;
  ChangingOptions changing;
};

// A guest's memory is locked while it owns a device, and root may lock any amount.
void RaiseMemlock() {
  const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  [[maybe_unused]] const int refused = ::setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

std::string DeviceFile(const AssignmentResult& result) {
  for (const std::string& node : result.nodes) {
    if (node.starts_with("/dev/vfio/devices/")) return node;
  }
  return {};
}

// Of one kind: an iommufd and device files, or a container and groups.
struct Descriptors {
  base::Fd iommufd;
  base::Fd container;
  std::map<std::string, base::Fd> nodes;  // by path
};

// What is opened for the device. Device files are preferred, as vmm does.
std::string NodeOf(const AssignmentResult& result, bool by_files) {
  const std::string file = DeviceFile(result);
  if (by_files) return file;
  return result.after.iommu_group ? fmt::format("/dev/vfio/{}", *result.after.iommu_group) : "";
}

base::Result<Descriptors> OpenDescriptors(const std::vector<AssignmentResult>& results) {
  Descriptors all;
  const bool has_files = std::none_of(results.begin(), results.end(),
                                      [](const auto& one) { return DeviceFile(one).empty(); });
  auto iommufd = base::OpenFile("/dev/iommu", O_RDWR);
  const bool by_files = iommufd && has_files;
  if (by_files) {
    all.iommufd = std::move(*iommufd);
  } else {
    all.container = TRY(base::OpenFile("/dev/vfio/vfio", O_RDWR));
  }
  for (const AssignmentResult& result : results) {
    const std::string node = NodeOf(result, by_files);
    // Members of a group share its file, which opens once.
    if (!all.nodes.contains(node)) all.nodes[node] = TRY(base::OpenFile(node, O_RDWR));
  }
  return all;
}

Values ValuesOf(const AssignmentResult& result, const Descriptors& descriptors) {
  const auto number = [](const base::Fd& fd) {
    return fd.valid() ? std::to_string(fd.raw()) : std::string();
  };
  Values values;
  values["bdf"] = result.address.ToString();
  values["group"] = result.after.iommu_group ? std::to_string(*result.after.iommu_group) : "";
  values["cdev"] = DeviceFile(result);
  values["iommufd"] = number(descriptors.iommufd);
  values["container"] = number(descriptors.container);
  values["dma"] = number(descriptors.iommufd.valid() ? descriptors.iommufd : descriptors.container);
  const auto node = descriptors.nodes.find(NodeOf(result, descriptors.iommufd.valid()));
  values["fd"] = node == descriptors.nodes.end() ? "" : number(node->second);
  return values;
}

base::Result<int> RunWithDevices(const WithOptions& options,
                                 const std::vector<std::string>& command,
                                 const std::vector<AssignmentResult>& results) {
  Descriptors descriptors;
  if (options.fds) descriptors = TRY(OpenDescriptors(results));
  std::vector<Values> values;
  for (const AssignmentResult& result : results) values.push_back(ValuesOf(result, descriptors));
  ChildCommand child;
  for (const std::string& word : command) child.words.push_back(TRY(Expand(word, values)));
  for (base::Fd* const fd : {&descriptors.iommufd, &descriptors.container}) {
    if (fd->valid()) child.inherited.push_back(std::move(*fd));
  }
  for (auto& [node, fd] : descriptors.nodes) child.inherited.push_back(std::move(fd));
  RaiseMemlock();
  return RunChild(std::move(child));
}

base::Result<sysfs::BindRequest> MakeRequest(const Context& context, const WithOptions& options) {
  if (context.command.empty()) {
    return base::Fail(base::Code::kUsage, "with: devices, then --, then a command",
                      "vassign with 08:00.0 -- qemu-system-x86_64 -device vfio-pci,host={bdf} ...");
  }
  sysfs::BindRequest request;
  request.force = TRY(options.force.Parse());
  for (const std::string& text : options.devices) {
    for (const PciAddress& address : TRY(Select(*context.tree, text)))
      request.devices.push_back(address);
  }
  request.driver = TRY(WantedDriver(*context.tree, options.driver, request.devices));
  return request;
}

// The devices as they were named; --group adds others before and behind them.
std::vector<AssignmentResult> Named(const std::vector<AssignmentResult>& results,
                                    const std::vector<PciAddress>& devices) {
  std::vector<AssignmentResult> named;
  for (const PciAddress& address : devices) {
    const auto found = std::find_if(results.begin(), results.end(),
                                    [&](const auto& one) { return one.address == address; });
    if (found != results.end()) named.push_back(*found);
  }
  return named;
}

base::Status RunWith(Context& context, const WithOptions& options) {
  const LoanRequest request = {TRY(MakeRequest(context, options)), options.group};
  AssignmentHost host = TRY(ReachHost(context, "with", options.changing));
  if (options.changing.dry_run) {
    PrintPlans(context, TRY(PlanLoan(host, request)));
    return {};
  }
  TRY(FinishAbandoned(context, kProgram, host));
  Loan loan = TRY(Loan::Take(context, kProgram, host, request));
  PauseGuard(context);
  const auto status =
      RunWithDevices(options, context.command, Named(loan.results(), request.bind.devices));
  ResumeGuard(context);
  const bool given_back = TRY(loan.GiveBack());
  context.status = TRY(status);
  if (!given_back) return Loan::NotAllGivenBack();
  return {};
}

}  // namespace

void AddWithCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<WithOptions>();
  CLI::App* command = app.add_subcommand(
      "with", "Run a command that owns devices, and give them back when it ends");
  command->add_option("DEV", options->devices, "The devices; then --, and the command")
      ->type_name("")
      ->required();
  command->add_option("--driver", options->driver, "Another driver than vfio-pci")
      ->type_name("NAME");
  command->add_flag("--group", options->group, "With all that shares their IOMMU groups");
  command->add_flag("--fds", options->fds,
                    "Open the devices' files with /dev/iommu, or their groups with /dev/vfio/vfio, "
                    "and pass the descriptors on");
  options->force.Add(*command);
  AddChangingOptions(*command, context, options->changing);
  command->footer(
      "In COMMAND, {bdf}, {group}, {cdev} and, with --fds, {fd} (its file, or its group) and "
      "{dma}\n"
      "({iommufd}, or {container}) stand for the first device's; {bdf:2} for the second's; {{ is "
      "a\n"
      "brace. The command may lock any amount of memory.\n"
      "The exit status is the command's. What a killed run left is given back by the next one.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunWith(context, *options); };
  });
}

}  // namespace cli
