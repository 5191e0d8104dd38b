// The configuration space of a virtio-pci function once more: what it is at first, and which of its
// bits are the guest's.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "sysfs/base/address.h"
#include "vmm/io.h"

namespace test {

class ConfigModel {
 public:
  using Width = vmm::Width;
  static constexpr uint16_t kWindow = 0x84;
  static constexpr uint16_t kWindowData = kWindow + 16;
  static constexpr uint64_t kBarBytes = 0x8000;

  explicit ConfigModel(const std::function<uint32_t(uint16_t)>& first) {
    for (uint16_t at = 0; at < 4096; at = static_cast<uint16_t>(at + 4)) Set(at, 4, first(at));
  }

  // All ones behind the end.
  uint32_t Read(uint16_t offset, Width width) const {
    uint32_t value = 0;
    for (unsigned i = 0; i < static_cast<unsigned>(width); ++i) {
      value |= uint32_t{offset + i < bytes_.size() ? bytes_[offset + i] : uint8_t{0xff}} << (8 * i);
    }
    return value;
  }
  void Write(uint16_t offset, Width width, uint32_t value) {
    for (unsigned i = 0; i < static_cast<unsigned>(width) && offset + i < bytes_.size(); ++i) {
      const uint8_t mask = Mask(offset + i);
      uint8_t& byte = bytes_[offset + i];
      byte = static_cast<uint8_t>((byte & ~mask) | (value >> (8 * i) & mask));
    }
  }
  void SetWindowData(uint32_t value) { Set(kWindowData, 4, value); }

  // Where the BAR is; nothing while it is off, without an address, or being sized.
  std::optional<base::Range> Bar() const {
    const uint32_t low = Read(0x10, Width::k4) & ~0xfu, high = Read(0x14, Width::k4);
    const bool sized = high == ~0u;
    if ((Read(4, Width::k2) & 2) == 0 || sized || (low == 0 && high == 0)) return std::nullopt;
    return base::Range{uint64_t{high} << 32 | low, kBarBytes};
  }
  // What the window shows, and at most how many bytes of it.
  struct Shown {
    uint64_t offset;
    Width width;
  };
  std::optional<Shown> Window() const {
    const uint32_t offset = Read(kWindow + 8, Width::k4), length = Read(kWindow + 12, Width::k4);
    const bool natural = length == 1 || length == 2 || length == 4;
    if (Read(kWindow + 4, Width::k1) != 0 || !natural) return std::nullopt;
    if (offset % length != 0 || offset >= kBarBytes) return std::nullopt;
    return Shown{offset, static_cast<Width>(length)};
  }

 private:
  struct Writable {
    unsigned offset;
    unsigned size;
    uint32_t bits;
  };
  // PCI 3.0, 6.2; PCI Express 5.0, 7.5; virtio 1.2, 4.1.4.9.
  static constexpr std::array kWritable = {
      Writable{0x04, 2, 0x0546},      // memory, bus master, parity, SERR, no pin
      Writable{0x0c, 1, 0xff},        // cache line
      Writable{0x10, 4, 0xffff8000},  // the BAR
      Writable{0x14, 4, ~0u},         Writable{0x3c, 1, 0xff},  // interrupt line
      Writable{kWindow + 4, 1, 0xff}, Writable{kWindow + 8, 4, ~0u}, Writable{kWindow + 12, 4, ~0u},
      Writable{kWindowData, 4, ~0u},  Writable{0x9a, 2, 0xc000},  // MSI-X: enable, mask
      Writable{0xa8, 2, 0x0003},                                  // power state
      Writable{0xb4, 2, 0x70ff},                                  // device control
      Writable{0xbc, 2, 0x00c0},                                  // link control
      Writable{0xd4, 2, 0x001f},                                  // device control 2
  };
  static uint8_t Mask(unsigned offset) {
    for (const Writable& one : kWritable) {
      if (offset < one.offset || offset >= one.offset + one.size) continue;
      return static_cast<uint8_t>(one.bits >> (8 * (offset - one.offset)));
    }
    return 0;
  }
  void Set(uint16_t offset, unsigned size, uint32_t value) {
    for (unsigned i = 0; i < size; ++i) bytes_[offset + i] = static_cast<uint8_t>(value >> (8 * i));
  }

  std::vector<uint8_t> bytes_ = std::vector<uint8_t>(4096);
};

}  // namespace test
