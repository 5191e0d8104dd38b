// Configuration space as four byte arrays: which bits are ours, what they read, which of them the
// guest may write.
//
// `owned` bits read from `shadow` and never reach the hardware; `writable` and `clear_on_one` say
// what a guest's write does to them. All other bits are the hardware's. An access of any width at
// any offset is one loop over its bytes, so widths and overlaps are no special cases. Bytes beyond
// the space read as all ones and ignore writes.
//
// A value: no thread contract of its own.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/io.h"

namespace vmm::pci {

// What remains of a guest's write after the owned bits have taken theirs.
struct WriteEffect {
  uint32_t value = 0;       // owned bits are zero
  uint8_t to_hardware = 0;  // bit i: byte i of the access has bits of the hardware
  bool changed = false;     // an owned bit has another value now
  bool operator==(const WriteEffect&) const = default;
};

// One access to the hardware at its natural width.
struct HardwareWrite {
  uint16_t offset = 0;
  Width width = Width::k1;
  uint32_t value = 0;
  bool operator==(const HardwareWrite&) const = default;
};

// The fewest naturally aligned accesses that carry the bytes of `effect`.
std::vector<HardwareWrite> SplitForHardware(uint16_t offset, const WriteEffect& effect);

class ConfigSpace {
 public:
  // 256 or 4096 bytes, none of them owned.
  explicit ConfigSpace(uint16_t size);

  uint16_t size() const { return static_cast<uint16_t>(bytes_.size()); }

  // Owns `width` bytes that read as `value`; the guest may change the bits of `writable` and clear
  // those of `clear_on_one` by writing one. Ignored where the space ends.
  void Own(uint16_t offset, Width width, uint32_t value, uint32_t writable = 0,
           uint32_t clear_on_one = 0);
  // Owns only the bits of `mask` in one byte, read-only.
  void OwnBits(uint16_t offset, uint8_t mask, uint8_t value);
  // Owns bytes that read as zero and ignore writes.
  void OwnZero(uint16_t offset, uint16_t size);

  // Whether no bit of this access is the hardware's.
  bool FullyOwned(uint16_t offset, Width width) const;
  // Owned bits from the shadow, others from `hardware`.
  uint32_t Read(uint16_t offset, Width width, uint32_t hardware) const;
  WriteEffect Write(uint16_t offset, Width width, uint32_t value);

  // The shadow alone, for registers that are wholly owned.
  uint32_t Shadow(uint16_t offset, Width width) const;
  // What the guest cannot write: status and pending bits.
  void SetShadow(uint16_t offset, Width width, uint32_t value);

 private:
  struct Byte {
    uint8_t shadow = 0;
    uint8_t owned = 0;
    uint8_t writable = 0;
    uint8_t clear_on_one = 0;
  };
  std::vector<Byte> bytes_;
};

}  // namespace vmm::pci
