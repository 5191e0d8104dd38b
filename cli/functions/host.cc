#include "cli/functions/host.h"

#include <fmt/format.h>

#include "cli/progress.h"
#include "sriov/guarded_links.h"
#include "sysfs/udev.h"

namespace cli {
namespace {

base::Result<sriov::Watch> Listen() {
  auto monitor = std::make_shared<sysfs::Monitor>(TRY(sysfs::Monitor::Open({"pci"})));
  return sriov::Watch(
      [monitor](std::chrono::milliseconds limit) -> std::optional<sysfs::PciAddress> {
        const auto added = [](const sysfs::DeviceEvent& event) {
          return event.action == "add" && event.address;
        };
        const auto event = monitor->WaitFor(added, std::chrono::steady_clock::now() + limit);
        return event ? event->address : std::nullopt;
      });
}

sriov::Host RealHost(sysfs::AssignmentHost& assignment, sriov::VfLinks& links, Context& context) {
  sriov::Host host = {assignment, links, {}, {}, {}};
  host.open_nvme = [](const std::string& node) {
    return sriov::OpenNvmeAdmin(base::HostKernel(), node);
  };
  // udevd's control socket: without it no event is ever announced.
  if (assignment.tree.Exists("/run/udev/control")) host.watch = Listen;
  if (context.progress) {
    host.progress = [&context](unsigned done, unsigned total) {
      const auto text = fmt::format("{} of {} virtual functions", done, total);
      context.err << '\r' << ProgressBar(done, total, text) << (done == total ? "\n" : "");
      context.err.flush();
    };
  }
  return host;
}

}  // namespace

SriovHost::SriovHost(sysfs::AssignmentHost assignment, Context& context)
    : assignment_(std::move(assignment)),
      links_(sriov::GuardedVfLinks(sriov::NetlinkVfLinks(), assignment_.write_deadline)),
      host_(context.sriov_host ? context.sriov_host(assignment_)
                               : RealHost(assignment_, *links_, context)) {}

base::Result<std::unique_ptr<SriovHost>> ReachSriov(Context& context, std::string_view command,
                                                    const ChangingOptions& options) {
  return std::make_unique<SriovHost>(TRY(ReachHost(context, command, options)), context);
}

}  // namespace cli
