// The request of VFIO_DEVICE_SET_IRQS as bytes: a header and an array of event descriptors
// (linux/vfio.h, struct vfio_irq_set). The one place that builds it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vfio {

enum class IrqAction : uint8_t { kMask, kUnmask, kTrigger };

class IrqSet {
 public:
  // One event per vector from `start` on; -1 takes the event away from a vector.
  static IrqSet Events(uint32_t irq, IrqAction action, uint32_t start, std::span<const int> events);
  // The action itself, now, on `count` vectors from `start` on.
  static IrqSet Now(uint32_t irq, IrqAction action, uint32_t start, uint32_t count);
  // Takes all vectors away.
  static IrqSet Disable(uint32_t irq) { return Now(irq, IrqAction::kTrigger, 0, 0); }

  std::span<std::byte> bytes() { return bytes_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit IrqSet(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::vector<std::byte> bytes_;
};

}  // namespace vfio
