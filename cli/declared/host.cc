#include "cli/declared/host.h"

#include "cli/permanent_address.h"
#include "sysfs/base/fd.h"
#include "sysfs/evidence/recorded.h"

namespace cli {
namespace {

// A recorded host has no cards to ask.
class NoLinks final : public sriov::VfLinks {
 public:
  base::Result<std::map<unsigned, sriov::VfAttributes>> Read(const std::string&) override {
    return std::map<unsigned, sriov::VfAttributes>();
  }
  base::Status Write(const std::string& interface, unsigned, const sriov::VfAttributes&) override {
    return base::Fail(base::Code::kInternal, interface + ": a recorded host cannot be changed");
  }
};

constexpr size_t kConfigLimit = size_t{4} << 20;

sysfs::AssignmentHost RecordedHost(Context& context) {
  sysfs::AssignmentHost host = {
      *context.tree, sysfs::Journal(context.sysroot + "/run/vassign", "recorded"), {}, {}, {}};
  if (sysfs::TellsUse(*context.tree)) host.sources = sysfs::RecordedEvidence(*context.tree);
  return host;
}

sriov::Host RecordedSriov(sysfs::AssignmentHost& assignment) {
  static NoLinks links;
  return {assignment, links, {}, {}, {}};
}

}  // namespace

DeclaredReach::DeclaredReach(std::unique_ptr<SriovHost> sriov, const Context& context)
    : sriov_(std::move(sriov)),
      host_{sriov_->host(), PinsOf(context), context.nodes ? *context.nodes : HostNodes(),
            PermanentAddressOf(context.device_number)} {}

base::Result<std::unique_ptr<DeclaredReach>> ReachDeclared(Context& context,
                                                           std::string_view command,
                                                           const ChangingOptions& options) {
  if (!context.sysroot.empty()) {
    context.sriov_host = RecordedSriov;
    return std::make_unique<DeclaredReach>(
        std::make_unique<SriovHost>(RecordedHost(context), context), context);
  }
  return std::make_unique<DeclaredReach>(TRY(ReachSriov(context, command, options)), context);
}

base::Result<Config> ConfigOf(const Context& context, const std::string& file) {
  if (file.empty()) return ReadConfig(*context.tree);
  return ParseConfig(TRY(base::ReadFile(file, kConfigLimit)), file);
}

}  // namespace cli
