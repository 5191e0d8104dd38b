#include "sriov/nvme_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace sriov {
namespace {

constexpr uint32_t kLeastQueues = 2;  // the admin queue and one for input and output
constexpr uint32_t kLeastInterrupts = 1;

base::Failure TooFew(const char* what, uint64_t there, unsigned count, uint32_t least) {
  return base::Fail(
      base::Code::kUnfit,
      fmt::format("the drive can give {} flexible {}; {} virtual functions need {} each", there,
                  what, count, least),
      fmt::format("at most {} virtual functions fit", there / least));
}

base::Result<uint16_t> KeepOf(const NvmeFlexible& flexible, const char* what, unsigned count,
                              uint32_t least) {
  if (flexible.total == 0) return uint16_t{0};  // what its functions have is fixed
  const uint64_t needed = uint64_t{count} * least;
  // What the primary one needs beside its own.
  const uint32_t own = flexible.fixed >= least ? 0 : least - flexible.fixed;
  const uint64_t there = flexible.total > own ? flexible.total - own : 0;
  if (needed > there) return TooFew(what, there, count, least);
  const uint64_t most = flexible.total - needed;
  return static_cast<uint16_t>(std::min<uint64_t>(flexible.primary, most));
}

base::Result<uint16_t> Divide(const NvmeFlexible& flexible, const char* what, unsigned count,
                              uint32_t least) {
  if (flexible.total == 0) return uint16_t{0};
  const uint64_t free = flexible.total > flexible.primary ? flexible.total - flexible.primary : 0;
  uint64_t each = std::min<uint64_t>(free / count, flexible.most);
  if (flexible.granularity > 1 && each >= flexible.granularity) each -= each % flexible.granularity;
  if (each < least) return TooFew(what, free, count, least);
  return static_cast<uint16_t>(each);
}

}  // namespace

base::Result<NvmePrimaryShare> PlanPrimaryShare(const NvmePrimary& primary, unsigned count) {
  NvmePrimaryShare share;
  share.queues = TRY(KeepOf(primary.queues, "queues", count, kLeastQueues));
  share.interrupts = TRY(KeepOf(primary.interrupts, "interrupts", count, kLeastInterrupts));
  return share;
}

base::Result<NvmeShare> DivideResources(const NvmePrimary& primary, unsigned count) {
  if (count == 0) return NvmeShare();
  NvmeShare share;
  share.queues = TRY(Divide(primary.queues, "queues", count, kLeastQueues));
  share.interrupts = TRY(Divide(primary.interrupts, "interrupts", count, kLeastInterrupts));
  return share;
}

std::vector<NvmeCommand> PlanPrimaryCommands(const NvmePrimary& primary,
                                             const NvmePrimaryShare& share) {
  std::vector<NvmeCommand> commands;
  const auto add = [&](NvmeResource resource, uint16_t from, uint16_t to) {
    if (from == to) return;
    commands.push_back({NvmeAction::kPrimaryFlexible, primary.controller, resource, to});
  };
  add(NvmeResource::kQueues, primary.queues.primary, share.queues);
  add(NvmeResource::kInterrupts, primary.interrupts.primary, share.interrupts);
  return commands;
}

std::vector<NvmeCommand> PlanAssign(const NvmeSecondary& secondary, const NvmeShare& share) {
  std::vector<NvmeCommand> commands;
  const auto add = [&](NvmeResource resource, uint16_t from, uint16_t to) {
    if (from == to || to == 0) return;
    commands.push_back({NvmeAction::kAssign, secondary.controller, resource, to});
  };
  add(NvmeResource::kQueues, secondary.queues, share.queues);
  add(NvmeResource::kInterrupts, secondary.interrupts, share.interrupts);
  return commands;
}

std::optional<NvmeSecondary> FindSecondary(std::span<const NvmeSecondary> all, unsigned index) {
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const NvmeSecondary& one) { return one.function == index + 1; });
  if (found == all.end()) return std::nullopt;
  return *found;
}

}  // namespace sriov
