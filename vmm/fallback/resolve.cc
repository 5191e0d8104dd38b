#include "vmm/fallback/resolve.h"

#include <fcntl.h>

#include <utility>

#include "sysfs/base/log.h"
#include "vfio/dma_space.h"
#include "vfio/explain.h"
#include "vfio/facts.h"
#include "vmm/fallback/facts.h"
#include "vmm/plan.h"

namespace vmm {
namespace {

struct Looking {
  base::Kernel& kernel;
  const sysfs::Tree& tree;
  const Options& options;
  const FallbackSources& sources;
};

// Whether this user may have the device's node now.
base::Status CheckNode(const Looking& with, const HostDevice& host) {
  if (!with.options.handed_over.empty()) return {};  // descriptors need no node
  const sysfs::PciAddress& address = host.device.address;
  const vfio::Choice choice = TRY(vfio::ChooseBackend(
      vfio::ProbeBackends(with.kernel, with.tree, {{address}}), with.options.dma));
  const auto file = vfio::FindDeviceFile(with.tree, address);
  const bool by_file = choice.backend == vfio::Backend::kIommufd && file;
  const std::string node = by_file ? vfio::DeviceNode(*file) : vfio::GroupNode(host.group.id);
  const auto opened = with.kernel.Open(node, O_RDWR);
  if (opened) return {};
  return base::Failure(vfio::Explain(by_file ? vfio::Step::kOpenDeviceFile : vfio::Step::kOpenGroup,
                                     opened.error().err(),
                                     vfio::ReadAccessFacts(with.tree, address, node)));
}

base::Status CanAssign(const Looking& with, const AssignRequest& request, const HostDevice& host) {
  const bool to_take = with.options.managed && !host.on_vfio;
  TRY(CheckDevice(host, to_take));
  if (!to_take) return CheckNode(with, host);
  return with.sources.can_take ? with.sources.can_take(request) : base::Status();
}

// Nothing: it can be assigned, or the start will say better why not.
base::Result<std::optional<FallbackPlan>> PlanOne(const Looking& with,
                                                  const AssignRequest& request) {
  std::optional<FallbackPlan> none;
  const auto host = ReadHostDevice(with.tree, request.host);
  if (request.absent) {
    if (!host) return base::Failure(host.error());
    FallbackFacts facts = ReadFallbackFacts(with.tree, host->device, with.sources.evidence);
    // The physical function's drive is more than its virtual function would have been.
    facts.disks.clear();
    facts.of_physical = !facts.interfaces.empty();
    return TRY(PlanFallback(request, *request.absent, facts));
  }
  if (!host) return none;
  base::Status status = CanAssign(with, request, *host);
  if (status || !AllowsFallback(status.error().code())) return none;
  return TRY(PlanFallback(request, std::move(status).error(),
                          ReadFallbackFacts(with.tree, host->device, with.sources.evidence)));
}

void Put(FallbackPlan plan, Options& options) {
  if (auto* const blk = std::get_if<virtio::BlkOptions>(&plan.device)) {
    plan.fallback.index = options.disks.size();
    options.disks.push_back(std::move(*blk));
  } else {
    plan.fallback.index = options.nets.size();
    options.nets.push_back(std::move(std::get<virtio::NetOptions>(plan.device)));
  }
  options.fallbacks.push_back(std::move(plan.fallback));
}

}  // namespace

Resolved ResolveFallbacks(base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
                          const FallbackSources& sources) {
  Resolved resolved = {options, {}};
  if (!CheckDuplicates(options)) return resolved;
  resolved.options.assign.clear();
  for (const AssignRequest& request : options.assign) {
    if (request.fallback) {
      auto plan = PlanOne({kernel, tree, options, sources}, request);
      if (!plan) resolved.problems.push_back(std::move(plan).error());
      if (plan && *plan) {
        Put(std::move(**plan), resolved.options);
        continue;
      }
      if (request.absent) continue;  // its host is another device
    }
    resolved.options.assign.push_back(request);
  }
  return resolved;
}

base::Result<Options> TakeFallbacks(Resolved resolved) {
  if (!resolved.problems.empty()) return base::Failure(std::move(resolved.problems.front()));
  for (const Fallback& one : resolved.options.fallbacks) {
    base::Log(base::Level::kWarning, "{}", FallbackText(one));
  }
  return std::move(resolved.options);
}

}  // namespace vmm
