#include "vmm/pci/msi.h"

#include <algorithm>

#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

// Multiple message capable (3:1) and enable (6:4), as powers of two.
unsigned Capable(uint32_t control) { return (control >> 1) & 7; }
unsigned Granted(uint32_t control) { return (control >> 4) & 7; }
constexpr unsigned kMaxMsiShift = sysfs::registers::msi::kMostVectorsLog2;  // 6 and 7 are reserved

uint16_t At(const MsiLayout& layout, unsigned offset) {
  return static_cast<uint16_t>(layout.offset + offset);
}
unsigned DataOffset(const MsiLayout& layout) { return layout.wide ? 0x0c : 0x08; }

constexpr uint32_t kMsiAddressBase = 0xfee00000;
constexpr uint32_t kMsiAddressMask = 0xfff00000;
constexpr uint64_t kHighReserved = uint64_t{0xff} << 32;  // KVM refuses these in a route

}  // namespace

bool IsRoutable(const kvm::MsiMessage& message) {
  const auto low = static_cast<uint32_t>(message.address);
  return (low & kMsiAddressMask) == kMsiAddressBase && (message.address & kHighReserved) == 0;
}

uint16_t MsiLayout::mask_offset() const {
  return static_cast<uint16_t>(offset + (wide ? 0x10 : 0x0c));
}
uint16_t MsiLayout::pending_offset() const { return static_cast<uint16_t>(mask_offset() + 4); }
uint16_t MsiLayout::size() const {
  const unsigned bytes = maskable ? pending_offset() + 4u - offset : DataOffset(*this) + 2;
  return static_cast<uint16_t>(bytes);
}

MsiLayout ParseMsi(uint16_t offset, uint16_t control) {
  return {offset, (control & kMsi64Bit) != 0, (control & kMsiMaskable) != 0,
          1u << std::min(Capable(control), kMaxMsiShift)};
}

void OwnMsi(ConfigSpace& config, const MsiLayout& layout) {
  uint32_t control = (layout.wide ? kMsi64Bit : 0u) | (layout.maskable ? kMsiMaskable : 0u);
  for (unsigned shift = 0; (1u << shift) < layout.max_vectors; ++shift) control += 1u << 1;
  config.Own(At(layout, 2), Width::k2, control, uint32_t{kMsiEnable} | kMsiVectorsEnabled);
  config.Own(At(layout, 4), Width::k4, 0, 0xfffffffc);
  if (layout.wide) config.Own(At(layout, 8), Width::k4, 0, 0xffffffff);
  config.Own(At(layout, DataOffset(layout)), Width::k2, 0, 0xffff);
  if (!layout.maskable) return;
  config.OwnZero(At(layout, DataOffset(layout) + 2), 2);
  const auto vectors = static_cast<uint32_t>((uint64_t{1} << layout.max_vectors) - 1);
  config.Own(layout.mask_offset(), Width::k4, 0, vectors);
  config.Own(layout.pending_offset(), Width::k4, 0);
}

bool Msi::enabled() const { return (config_->Shadow(At(layout_, 2), Width::k2) & kMsiEnable) != 0; }

unsigned Msi::vectors() const {
  const unsigned granted = Granted(config_->Shadow(At(layout_, 2), Width::k2));
  return std::min(1u << std::min(granted, kMaxMsiShift), layout_.max_vectors);
}

bool Msi::Masked(unsigned vector) const {
  return layout_.maskable && (config_->Shadow(layout_.mask_offset(), Width::k4) >> vector & 1) != 0;
}

kvm::MsiMessage Msi::Message(unsigned vector) const {
  uint64_t address = config_->Shadow(At(layout_, 4), Width::k4);
  if (layout_.wide) address |= uint64_t{config_->Shadow(At(layout_, 8), Width::k4)} << 32;
  // The device puts the vector's number into the low bits of the data.
  const uint32_t data = config_->Shadow(At(layout_, DataOffset(layout_)), Width::k2);
  return {address, (data & ~(vectors() - 1)) | vector};
}

void SetMsiPending(ConfigSpace& config, const MsiLayout& layout, unsigned vector, bool pending) {
  if (!layout.maskable) return;
  const uint32_t bit = 1u << (vector & 31);
  const uint32_t bits = config.Shadow(layout.pending_offset(), Width::k4);
  config.SetShadow(layout.pending_offset(), Width::k4, pending ? bits | bit : bits & ~bit);
}

bool MsiPending(const ConfigSpace& config, const MsiLayout& layout, unsigned vector) {
  return layout.maskable &&
         (config.Shadow(layout.pending_offset(), Width::k4) >> (vector & 31) & 1) != 0;
}

}  // namespace vmm::pci
