#include "vmm/virtio/queue/active_queue.h"

#include <bit>

namespace vmm::virtio {
namespace {

struct Area {
  uint64_t address;
  uint64_t size;
  uint64_t alignment;
};

}  // namespace

std::string_view FaultText(QueueFault fault) {
  switch (fault) {
    case QueueFault::kBadSize:
      return "its size is not possible";
    case QueueFault::kBadAlignment:
      return "an area is not aligned";
    case QueueFault::kRingOutsideRam:
      return "an area is not in RAM";
    case QueueFault::kIndexJump:
      return "more requests than the ring holds";
    case QueueFault::kBadHead:
      return "a request whose descriptor does not exist or is in use";
    case QueueFault::kBadNext:
      return "a chain leads out of its table";
    case QueueFault::kLongChain:
      return "a chain is longer than the queue";
    case QueueFault::kBadIndirect:
      return "an indirect table is not possible";
    case QueueFault::kReadAfterWrite:
      return "a readable buffer behind a writable one";
    case QueueFault::kTooManyInFlight:
      return "more descriptors in use than there are";
    case QueueFault::kHostKernel:
      return "the host's kernel has met an error in it";
  }
  return "";
}

tl::expected<ActiveQueue, QueueFault> ActiveQueue::Check(const QueueSetup& setup,
                                                         const RingFeatures& features,
                                                         const GuestRam& ram) {
  const uint64_t size = setup.size;
  if (size == 0 || size > kMostQueueSize) return tl::unexpected(QueueFault::kBadSize);
  if (!features.packed && !std::has_single_bit(size)) return tl::unexpected(QueueFault::kBadSize);
  const Area split[] = {{setup.descriptors, 16 * size, 16},
                        {setup.driver, 6 + 2 * size, 2},
                        {setup.device, 6 + 8 * size, 4}};
  const Area packed[] = {
      {setup.descriptors, 16 * size, 16}, {setup.driver, 4, 4}, {setup.device, 4, 4}};
  for (const Area& area : features.packed ? packed : split) {
    if (area.address % area.alignment != 0) return tl::unexpected(QueueFault::kBadAlignment);
    if (!ram.Contains(area.address, area.size)) {
      return tl::unexpected(QueueFault::kRingOutsideRam);
    }
  }
  return ActiveQueue(setup, features);
}

}  // namespace vmm::virtio
