#include "vmm/stats.h"

#include <fmt/format.h>

#include <numeric>

namespace vmm {

void MachineStats::Add(const ExitCounts& board, const kvm::RouteCounts& board_routes) {
  for (size_t kind = 0; kind < exits.size(); ++kind) exits.at(kind) += board.at(kind);
  ++boards;
  routes.commits += board_routes.commits;
  routes.relayed += board_routes.relayed;
}

std::string FormatStats(const MachineStats& stats) {
  std::string text =
      fmt::format("stats: machine boards={} dma-maps={} route-commits={} relayed-interrupts={}",
                  stats.boards, stats.dma_maps, stats.routes.commits, stats.routes.relayed);
  for (size_t kind = 0; kind < stats.exits.size(); ++kind) {
    text += fmt::format(" exits-{}={}", kvm::kExitNames.at(kind), stats.exits.at(kind));
  }
  for (const DeviceStats& device : stats.devices) {
    const auto& counters = device.counters;
    const uint64_t trapped =
        std::accumulate(counters.trapped.begin(), counters.trapped.end(), uint64_t{0});
    text += fmt::format(
        "\nstats: {} bar-traps={} config-accesses={} config-vendor={} "
        "config-unowned={} config-denied={} function-resets={} set-irqs={} "
        "vectors-refused={} iommu-faults={}",
        device.name, trapped, counters.config_accesses, counters.config_vendor,
        counters.config_unowned, counters.config_denied, counters.function_resets,
        counters.set_irqs, counters.vectors_refused, counters.iommu_faults);
  }
  for (const EmulatedStats& device : stats.emulated) {
    text += fmt::format(
        "\nstats: {} bar-traps={} kicks={} batches={} requests={} interrupts={} suppressed={}",
        device.name, device.traps, device.kicks, device.batches, device.requests, device.interrupts,
        device.suppressed);
  }
  return text;
}

}  // namespace vmm
