#include "vmm/pci/msix.h"

#include <algorithm>
#include <span>

#include "sysfs/base/bits.h"
#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

constexpr unsigned kVectorControl = 12;
constexpr uint8_t kMaskBit = 1;

// Which bits of an entry's byte the guest may write: the message address is a multiple of four,
// vector control has one bit.
uint8_t WritableBits(uint64_t offset) {
  const uint64_t in_entry = offset % kMsixEntrySize;
  if (in_entry == 0) return 0xfc;
  if (in_entry < kVectorControl) return 0xff;
  return in_entry == kVectorControl ? kMaskBit : 0;
}

uint64_t ReadBytes(const std::vector<uint8_t>& bytes, uint64_t offset, Width width) {
  uint64_t result = 0;
  for (unsigned i = 0; i < static_cast<unsigned>(width); ++i) {
    const uint64_t at = offset + i;
    result |= uint64_t{at < bytes.size() && at >= offset ? bytes[at] : uint8_t{0xff}} << (8 * i);
  }
  return result;
}

}  // namespace

Msix::Msix(unsigned vectors) : vectors_(std::min(vectors, kMaxMsixVectors)) { Reset(); }

void Msix::Reset() {
  enabled_ = false;
  function_masked_ = false;
  table_.assign(table_bytes(), 0);
  pending_.assign(pending_bytes(), 0);
  for (unsigned v = 0; v < vectors_; ++v) table_[v * kMsixEntrySize + kVectorControl] = kMaskBit;
}

bool Msix::SetControl(uint16_t control) {
  const bool enabled = (control & kMsixEnable) != 0;
  const bool masked = (control & kMsixFunctionMask) != 0;
  const bool changed = enabled != enabled_ || masked != function_masked_;
  enabled_ = enabled;
  function_masked_ = masked;
  return changed;
}

uint64_t Msix::ReadTable(uint64_t offset, Width width) const {
  return ReadBytes(table_, offset, width);
}

bool Msix::WriteTable(uint64_t offset, Width width, uint64_t value) {
  bool changed = false;
  for (unsigned i = 0; i < static_cast<unsigned>(width); ++i) {
    const uint64_t at = offset + i;
    if (at < offset || at >= table_.size()) break;
    const uint8_t writable = WritableBits(at);
    const auto written = static_cast<uint8_t>(value >> (8 * i));
    const auto next = static_cast<uint8_t>((table_[at] & ~writable) | (written & writable));
    const bool matters = at % kMsixEntrySize == kVectorControl ||
                         !Masked(static_cast<unsigned>(at / kMsixEntrySize));
    changed |= matters && next != table_[at];
    table_[at] = next;
  }
  return changed;
}

uint64_t Msix::ReadPending(uint64_t offset, Width width) const {
  return ReadBytes(pending_, offset, width);
}

bool Msix::Masked(unsigned vector) const {
  return (table_[vector * kMsixEntrySize + kVectorControl] & kMaskBit) != 0;
}

bool Msix::Live(unsigned vector) const {
  return vector < vectors_ && enabled_ && !function_masked_ && !Masked(vector);
}

kvm::MsiMessage Msix::Message(unsigned vector) const {
  const auto bytes = std::as_bytes(std::span(table_));
  const size_t entry = size_t{vector} * kMsixEntrySize;
  return {base::LoadLe<uint64_t>(bytes, entry), base::LoadLe<uint32_t>(bytes, entry + 8)};
}

void Msix::SetPending(unsigned vector, bool pending) {
  if (vector >= vectors_) return;
  const auto bit = static_cast<uint8_t>(1u << (vector % 8));
  uint8_t& byte = pending_[vector / 8];
  byte = static_cast<uint8_t>(pending ? byte | bit : byte & ~bit);
}

bool Msix::Pending(unsigned vector) const {
  return vector < vectors_ && (pending_[vector / 8] >> (vector % 8) & 1) != 0;
}

}  // namespace vmm::pci
