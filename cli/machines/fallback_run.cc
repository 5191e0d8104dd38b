#include "cli/machines/fallback_run.h"

#include <algorithm>
#include <utility>

#include "cli/assignment_output.h"
#include "vmm/virtio/net/macvtap.h"

namespace cli {

vmm::Resolved ResolveFallbacks(Context& context, base::Kernel& kernel, const vmm::Options& options,
                               const ManagedOptions& managed) {
  vmm::FallbackSources sources;
  sources.evidence = context.assignment_host ? context.assignment_host(*context.tree).sources
                                             : sysfs::HostSources();
  sources.can_take = [&](const vmm::AssignRequest& one) -> base::Status {
    vmm::Options alone = options;
    alone.assign = {one};
    const auto host = TRY(ReachHost(context, "run --managed", {}, "vmm"));
    TRY(PlanLoan(host, TRY(ManagedRequest(*context.tree, alone, managed))));
    return {};
  };
  return vmm::ResolveFallbacks(kernel, *context.tree, options, sources);
}

base::Result<vmm::Options> TakeFallbacks(Context& context, base::Kernel& kernel,
                                         const vmm::Options& options,
                                         const ManagedOptions& managed) {
  const bool wished = std::any_of(options.assign.begin(), options.assign.end(),
                                  [](const auto& one) { return one.fallback.has_value(); });
  if (wished || options.managed) vmm::virtio::RemoveLeftMacvtaps(*context.tree);
  return vmm::TakeFallbacks(ResolveFallbacks(context, kernel, options, managed));
}

}  // namespace cli
