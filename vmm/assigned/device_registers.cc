// Trapped accesses to the BARs of an assigned device: the MSI-X registers are the monitor's, the
// rest is the hardware's.
#include "vmm/assigned/device.h"

namespace vmm::assigned {

AssignedDevice::Target AssignedDevice::TargetOf(unsigned index, const base::Range& access) const {
  if (!plan_.msix) return Target::kHardware;
  const MsixLayout& msix = *plan_.msix;
  const base::Range table{msix.table_offset, uint64_t{msix.vectors} * pci::kMsixEntrySize};
  const base::Range pending{msix.pending_offset, uint64_t{(msix.vectors + 63) / 64} * 8};
  const bool in_table = index == msix.table_bar && table.Overlaps(access);
  const bool in_pending = index == msix.pending_bar && pending.Overlaps(access);
  if (!in_table && !in_pending) return Target::kHardware;
  if (in_table && table.Contains(access)) return Target::kTable;
  return in_pending && pending.Contains(access) ? Target::kPending : Target::kMixed;
}

uint64_t AssignedDevice::ReadPendingBits(uint64_t offset, Width width) {
  const std::lock_guard lock(mutex_);
  const auto first = static_cast<unsigned>(offset * 8);
  for (unsigned v = first; v < first + 8 * static_cast<unsigned>(width); ++v) {
    msix_->SetPending(v, interrupts_.Pending(v));
  }
  return msix_->ReadPending(offset, width);
}

void AssignedDevice::WriteTable(uint64_t offset, Width width, uint64_t value) {
  const std::lock_guard lock(mutex_);
  if (msix_->WriteTable(offset, width, value)) SyncInterruptsLocked();
}

uint64_t AssignedDevice::ReadBar(unsigned index, uint64_t offset, Width width) {
  trapped_[index].fetch_add(1, std::memory_order_relaxed);
  const auto bytes = static_cast<unsigned>(width);
  switch (TargetOf(index, {offset, bytes})) {
    case Target::kHardware:
      return hardware_.ReadBar(index, offset, width);
    case Target::kTable: {
      const std::lock_guard lock(mutex_);
      return msix_->ReadTable(offset - plan_.msix->table_offset, width);
    }
    case Target::kPending:
      return ReadPendingBits(offset - plan_.msix->pending_offset, width);
    case Target::kMixed:
      break;
  }
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value |= ReadBar(index, offset + i, Width::k1) << (8 * i);
  return value;
}

void AssignedDevice::WriteBar(unsigned index, uint64_t offset, Width width, uint64_t value) {
  trapped_[index].fetch_add(1, std::memory_order_relaxed);
  const auto bytes = static_cast<unsigned>(width);
  switch (TargetOf(index, {offset, bytes})) {
    case Target::kHardware:
      hardware_.WriteBar(index, offset, width, value);
      return;
    case Target::kTable:
      WriteTable(offset - plan_.msix->table_offset, width, value);
      return;
    case Target::kPending:  // read-only
      return;
    case Target::kMixed:
      break;
  }
  for (unsigned i = 0; i < bytes; ++i) {
    WriteBar(index, offset + i, Width::k1, value >> (8 * i) & 0xff);
  }
}

}  // namespace vmm::assigned
