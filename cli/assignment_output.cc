#include "cli/assignment_output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "cli/commands.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "sysfs/base/text.h"
#include "sysfs/diagnosis/host.h"
#include "sysfs/diagnosis/new_messages.h"
#include "sysfs/diagnosis/obstacles.h"
#include "sysfs/guarded_tree.h"
#include "sysfs/modules.h"
#include "sysfs/udev.h"

namespace cli {
namespace {

using sysfs::AssignmentHost;
using sysfs::AssignmentPlan;
using sysfs::AssignmentResult;

sysfs::GuardedTree* GuardOf(Context& context) {
  return dynamic_cast<sysfs::GuardedTree*>(context.tree.get());
}

Json OrNull(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

base::Result<sysfs::Waiter> Listen() {
  auto monitor =
      std::make_shared<sysfs::Monitor>(TRY(sysfs::Monitor::Open({"pci", "vfio", "vfio-dev"})));
  return sysfs::Waiter(
      [monitor](const std::function<bool()>& ready, std::chrono::milliseconds limit) {
        return monitor->WaitUntil(ready, std::chrono::steady_clock::now() + limit).has_value();
      });
}

Json WriteJson(const sysfs::Change& change) {
  return {{"path", change.write.path}, {"value", change.write.value}, {"reason", change.reason}};
}

Json PlanJson(const AssignmentPlan& plan) {
  Json devices = Json::array();
  for (const sysfs::PciDevice& device : plan.devices) devices.push_back(device.address.ToString());
  Json notes = Json::object();
  for (const auto& [address, note] : plan.notes) notes[address.ToString()] = note;
  Json writes = Json::array();
  for (const sysfs::Change& change : plan.changes) writes.push_back(WriteJson(change));
  return {{"devices", std::move(devices)},
          {"load_module", OrNull(plan.module)},
          {"writes", std::move(writes)},
          {"notes", std::move(notes)}};
}

Json ResultJson(const AssignmentResult& result) {
  Json group = nullptr;
  if (result.after.iommu_group) group = {{"id", *result.after.iommu_group}};
  return {{"bdf", result.address.ToString()},
          {"driver_before", OrNull(result.before)},
          {"driver", OrNull(result.after.driver)},
          {"driver_override", OrNull(result.after.driver_override)},
          {"iommu_group", std::move(group)},
          {"nodes", result.nodes},
          {"changed", result.changed},
          {"note", result.note.empty() ? Json(nullptr) : Json(result.note)}};
}

}  // namespace

void AddChangingOptions(CLI::App& command, Context& context, ChangingOptions& options) {
  command.add_flag("--dry-run", options.dry_run,
                   "Check everything, print the writes, change nothing");
  command
      .add_option("--timeout", options.timeout,
                  "Seconds to wait for the kernel, for each step (default 30)")
      ->type_name("S")
      ->check([](const std::string& text) {
        const auto seconds = base::ParseDecimal(text, 86400);
        return seconds && *seconds > 0 ? std::string() : text + ": not from 1 to 86400";
      });
  AddJsonOption(command, context);
}

void GuardReads(Context& context, std::chrono::milliseconds patience) {
  if (GuardOf(context) != nullptr || !context.sysroot.empty()) return;
  auto guarded = std::make_unique<sysfs::GuardedTree>(std::move(context.tree), patience);
  if (context.progress) guarded->Observe(WaitLine(context));
  context.tree = std::move(guarded);
}

void PauseGuard(Context& context) {
  if (auto* const guard = GuardOf(context)) guard->Pause();
}

void ResumeGuard(Context& context) {
  if (auto* const guard = GuardOf(context)) guard->Resume();
}

base::Result<AssignmentHost> ReachHost(Context& context, std::string_view command,
                                       const ChangingOptions& options, std::string_view program) {
  if (context.assignment_host) return context.assignment_host(*context.tree);
  if (::geteuid() != 0) {
    if (!options.dry_run) {
      return base::Fail(base::Code::kDenied,
                        fmt::format("{} changes drivers: it needs root", command),
                        fmt::format("sudo {} {} ...", program, command));
    }
    context.err << "note: without root, the use by other people's processes is not seen\n";
  }
  if (!options.dry_run) context.kernel_log = sysfs::FollowKernelLog();
  const auto patience = std::chrono::seconds(options.timeout);
  GuardReads(context, patience);
  AssignmentHost host = sysfs::MakeAssignmentHost(*context.tree);
  host.load_module = [](const std::string& module) { return sysfs::Load(module); };
  host.listen = Listen;
  host.settle = [patience] { sysfs::AwaitUdevIdle(patience); };
  host.write_deadline = patience;
  if (context.progress) host.on_wait = WaitLine(context);
  host.obstacles = [&context](const sysfs::PciDevice& device, bool loads_vfio_pci) {
    return sysfs::CheckObstacles(*context.tree, device, loads_vfio_pci, [&context] {
      const bool is_running = context.sysroot.empty();
      return (is_running ? sysfs::RunningSources() : sysfs::RecordedSources(*context.tree))
          .kernel_log;
    });
  };
  return host;
}

void PrintPlans(Context& context, const std::vector<AssignmentPlan>& plans,
                const std::vector<PlannedFile>& files) {
  if (context.json) {
    Json list = Json::array();
    for (const AssignmentPlan& plan : plans) list.push_back(PlanJson(plan));
    Json written = Json::array();
    for (const PlannedFile& file : files) {
      written.push_back({{"path", file.path}, {"content", file.text}, {"changed", file.changed}});
    }
    PrintJson(
        context.out,
        {{"schema", "vassign.steps/1"}, {"plans", std::move(list)}, {"files", std::move(written)}});
    return;
  }
  for (const AssignmentPlan& plan : plans) {
    for (const auto& [address, note] : plan.notes)
      context.err << "note: " << address.ToString() << ": " << note << '\n';
    if (plan.empty()) {
      for (const sysfs::PciDevice& device : plan.devices) {
        context.out << sysfs::DescribeState(*context.tree, device.address) << ": nothing to do\n";
      }
    } else {
      context.out << sysfs::Format(plan);
    }
  }
  for (const PlannedFile& file : files) {
    context.out << (file.changed ? fmt::format("cat > {} <<'EOF'\n{}EOF\n", file.path, file.text)
                                 : file.path + " is there already\n");
  }
}

void PrintResults(Context& context, std::string_view schema,
                  const std::vector<AssignmentResult>& results) {
  if (context.json) {
    Json list = Json::array();
    for (const AssignmentResult& result : results) list.push_back(ResultJson(result));
    PrintJson(context.out, {{"schema", schema}, {"devices", std::move(list)}});
    return;
  }
  for (const AssignmentResult& result : results) context.out << sysfs::Format(result) << '\n';
}

base::Error WithState(base::Error error, const sysfs::Tree& tree,
                      const std::vector<sysfs::PciAddress>& devices) {
  const bool in_the_middle =
      error.code() == base::Code::kKernel || error.code() == base::Code::kTimedOut;
  if (!in_the_middle) return error;
  std::string text = error.message();
  for (const sysfs::PciAddress& address : devices) {
    text += "\n  now: " + sysfs::DescribeState(tree, address);
  }
  return base::Error(error.code(), std::move(text), error.err()).WithHint(error.hint());
}

}  // namespace cli
