#include "vmm/pci/config_space.h"

namespace vmm::pci {
namespace {

uint8_t ByteOf(uint32_t value, unsigned index) {
  return static_cast<uint8_t>(value >> (8 * index));
}

// At most 4: the configuration mechanisms carry no wider access.
unsigned Bytes(Width width) {
  const auto bytes = static_cast<unsigned>(width);
  return bytes < 4 ? bytes : 4;
}

}  // namespace

std::vector<HardwareWrite> SplitForHardware(uint16_t offset, const WriteEffect& effect) {
  std::vector<HardwareWrite> writes;
  const auto carries = [&](unsigned first, unsigned count) {
    const auto mask = static_cast<uint8_t>(((1u << count) - 1) << first);
    return first + count <= 4 && (effect.to_hardware & mask) == mask &&
           (offset + first) % count == 0;
  };
  for (unsigned i = 0; i < 4;) {
    const unsigned count = carries(i, 4) ? 4 : carries(i, 2) ? 2 : carries(i, 1) ? 1 : 0;
    if (count != 0) {
      const auto width = static_cast<Width>(count);
      writes.push_back({static_cast<uint16_t>(offset + i), width,
                        static_cast<uint32_t>((effect.value >> (8 * i)) & AllOnes(width))});
    }
    i += count != 0 ? count : 1;
  }
  return writes;
}

ConfigSpace::ConfigSpace(uint16_t size) : bytes_(size) {}

void ConfigSpace::Own(uint16_t offset, Width width, uint32_t value, uint32_t writable,
                      uint32_t clear_on_one) {
  for (unsigned i = 0; i < Bytes(width) && offset + i < bytes_.size(); ++i) {
    bytes_[offset + i] = {ByteOf(value, i), 0xff, ByteOf(writable, i), ByteOf(clear_on_one, i)};
  }
}

void ConfigSpace::OwnBits(uint16_t offset, uint8_t mask, uint8_t value) {
  if (offset >= bytes_.size()) return;
  Byte& byte = bytes_[offset];
  byte.owned = static_cast<uint8_t>(byte.owned | mask);
  byte.writable = static_cast<uint8_t>(byte.writable & ~mask);
  byte.clear_on_one = static_cast<uint8_t>(byte.clear_on_one & ~mask);
  byte.shadow = static_cast<uint8_t>((byte.shadow & ~mask) | (value & mask));
}

void ConfigSpace::OwnZero(uint16_t offset, uint16_t size) {
  for (unsigned i = 0; i < size && offset + i < bytes_.size(); ++i) {
    bytes_[offset + i] = {0, 0xff, 0, 0};
  }
}

bool ConfigSpace::FullyOwned(uint16_t offset, Width width) const {
  for (unsigned i = 0; i < Bytes(width); ++i) {
    if (offset + i < bytes_.size() && bytes_[offset + i].owned != 0xff) return false;
  }
  return true;
}

uint32_t ConfigSpace::Read(uint16_t offset, Width width, uint32_t hardware) const {
  uint32_t result = 0;
  for (unsigned i = 0; i < Bytes(width); ++i) {
    uint32_t value = 0xff;
    if (offset + i < bytes_.size()) {
      const Byte& byte = bytes_[offset + i];
      value =
          static_cast<uint8_t>((byte.shadow & byte.owned) | (ByteOf(hardware, i) & ~byte.owned));
    }
    result |= value << (8 * i);
  }
  return result;
}

WriteEffect ConfigSpace::Write(uint16_t offset, Width width, uint32_t value) {
  WriteEffect effect;
  for (unsigned i = 0; i < Bytes(width) && offset + i < bytes_.size(); ++i) {
    Byte& byte = bytes_[offset + i];
    const uint8_t written = ByteOf(value, i);
    const auto kept = static_cast<uint8_t>(byte.shadow & ~byte.writable);
    const auto next =
        static_cast<uint8_t>((kept | (written & byte.writable)) & ~(written & byte.clear_on_one));
    effect.changed |= next != byte.shadow;
    byte.shadow = next;
    if (byte.owned != 0xff) {
      effect.to_hardware = static_cast<uint8_t>(effect.to_hardware | (1u << i));
      effect.value |= static_cast<uint32_t>(written & ~byte.owned & 0xff) << (8 * i);
    }
  }
  return effect;
}

uint32_t ConfigSpace::Shadow(uint16_t offset, Width width) const { return Read(offset, width, 0); }

void ConfigSpace::SetShadow(uint16_t offset, Width width, uint32_t value) {
  for (unsigned i = 0; i < Bytes(width) && offset + i < bytes_.size(); ++i) {
    Byte& byte = bytes_[offset + i];
    byte.shadow =
        static_cast<uint8_t>((byte.shadow & ~byte.owned) | (ByteOf(value, i) & byte.owned));
  }
}

}  // namespace vmm::pci
