#include "vfio/irq_set.h"

#include <cstring>

#include "vfio/uapi.h"

namespace vfio {
namespace {

uint32_t FlagOf(IrqAction action) {
  switch (action) {
    case IrqAction::kMask:
      return VFIO_IRQ_SET_ACTION_MASK;
    case IrqAction::kUnmask:
      return VFIO_IRQ_SET_ACTION_UNMASK;
    case IrqAction::kTrigger:
      return VFIO_IRQ_SET_ACTION_TRIGGER;
  }
  return 0;
}

// The header, with room for `data_size` bytes behind it.
std::vector<std::byte> Header(uint32_t irq, uint32_t flags, uint32_t start, uint32_t count,
                              size_t data_size) {
  std::vector<std::byte> bytes(sizeof(::vfio_irq_set) + data_size);
  ::vfio_irq_set header{};
  header.argsz = static_cast<uint32_t>(bytes.size());
  header.flags = flags;
  header.index = irq;
  header.start = start;
  header.count = count;
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace

IrqSet IrqSet::Events(uint32_t irq, IrqAction action, uint32_t start, std::span<const int> events) {
  static_assert(sizeof(int) == sizeof(int32_t));
  std::vector<std::byte> bytes = Header(irq, VFIO_IRQ_SET_DATA_EVENTFD | FlagOf(action), start,
                                        static_cast<uint32_t>(events.size()), events.size_bytes());
  if (!events.empty())
    std::memcpy(bytes.data() + sizeof(::vfio_irq_set), events.data(), events.size_bytes());
  return IrqSet(std::move(bytes));
}

IrqSet IrqSet::Now(uint32_t irq, IrqAction action, uint32_t start, uint32_t count) {
  return IrqSet(Header(irq, VFIO_IRQ_SET_DATA_NONE | FlagOf(action), start, count, 0));
}

}  // namespace vfio
