#include "vmm/bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace vmm {

Bus::Bus() : table_(std::make_shared<const Table>()) {}

base::Status Bus::Attach(base::Range range, std::shared_ptr<IoDevice> device) {
  const std::lock_guard lock(change_);
  auto next = std::make_shared<Table>(*table_.load());
  if (range.empty())
    return base::Fail(base::Code::kInternal, fmt::format("{}: empty range", device->name()));
  for (const Entry& entry : *next) {
    if (entry.range.Overlaps(range)) {
      return base::Fail(base::Code::kInternal,
                        fmt::format("{} at {:#x} overlaps {} at {:#x}", device->name(), range.base,
                                    entry.device->name(), entry.range.base));
    }
  }
  const auto at =
      std::lower_bound(next->begin(), next->end(), range.base,
                       [](const Entry& entry, uint64_t base) { return entry.range.base < base; });
  next->insert(at, Entry{range, std::move(device)});
  table_.store(std::move(next));
  return {};
}

void Bus::Detach(base::Range range) {
  const std::lock_guard lock(change_);
  auto next = std::make_shared<Table>(*table_.load());
  std::erase_if(*next, [&](const Entry& entry) { return entry.range == range; });
  table_.store(std::move(next));
}

const Bus::Entry* Bus::Find(const Table& table, uint64_t address, Width width) {
  auto after =
      std::upper_bound(table.begin(), table.end(), address,
                       [](uint64_t value, const Entry& entry) { return value < entry.range.base; });
  if (after == table.begin()) return nullptr;
  const Entry& entry = *std::prev(after);
  return entry.range.Contains(base::Range{address, static_cast<uint64_t>(width)}) ? &entry
                                                                                  : nullptr;
}

uint64_t Bus::Read(uint64_t address, Width width) const {
  const auto table = table_.load();
  const Entry* entry = Find(*table, address, width);
  if (entry == nullptr) return AllOnes(width);
  return entry->device->Read({address - entry->range.base, width}) & AllOnes(width);
}

void Bus::Write(uint64_t address, Width width, uint64_t value) const {
  const auto table = table_.load();
  if (const Entry* entry = Find(*table, address, width); entry != nullptr) {
    entry->device->Write({address - entry->range.base, width}, value & AllOnes(width));
  }
}

}  // namespace vmm
