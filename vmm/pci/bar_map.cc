#include "vmm/pci/bar_map.h"

#include <algorithm>

namespace vmm::pci {
namespace {

BarKind KindOf(const PciFunction& function, unsigned index) {
  for (const BarInfo& bar : function.bars()) {
    if (bar.index == index) return bar.kind;
  }
  return BarKind::kMemory32;
}

}  // namespace

std::vector<base::Range> BarMap::Active(bool ports) const {
  std::vector<base::Range> ranges;
  for (const Entry& entry : entries_) {
    if (entry.state == State::kActive && (entry.kind == BarKind::kIo) == ports) {
      ranges.push_back(entry.change.range);
    }
  }
  return ranges;
}

void BarMap::Forget(const PciFunction& function) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.function == &function; });
}

void BarMap::Remove(PciFunction& function, const BarChange& change, const Spaces& spaces) {
  const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return e.function == &function && e.change.index == change.index;
  });
  if (entry == entries_.end()) return;
  if (entry->state == State::kActive) {
    if (const base::Status status = function.ApplyBar(change, spaces); !status) {
      log_.Log(base::Level::kWarning, "{}: BAR {}: {}", function.name(), change.index,
               status.error().message());
    }
  }
  entries_.erase(entry);
}

void BarMap::Activate(Entry& entry, const Spaces& spaces) {
  const BarFit fit =
      CheckBar(entry.change.range, entry.kind, windows_, Active(entry.kind == BarKind::kIo));
  if (fit != BarFit::kFits) {
    if (!entry.logged) {
      log_.Log(base::Level::kWarning, "{}: BAR {} at {:#x} stays inactive: {}",
               entry.function->name(), entry.change.index, entry.change.range.base,
               BarFitText(fit));
    }
    entry.logged = true;
    return;
  }
  Perform(entry, spaces);
}

void BarMap::Perform(Entry& entry, const Spaces& spaces) {
  if (entry.kind != BarKind::kIo) {
    entry.change.owns_page = OwnsPage(entry.change.range, Active(false));
  }
  const base::Status status = entry.function->ApplyBar(entry.change, spaces);
  entry.state = status ? State::kActive : State::kFailed;
  if (!status) {
    log_.Log(base::Level::kError, "{}: BAR {} at {:#x} stays inactive: {}", entry.function->name(),
             entry.change.index, entry.change.range.base, status.error().message());
  }
}

void BarMap::SharePages(const Spaces& spaces) {
  for (Entry& entry : entries_) {
    if (entry.state != State::kActive || entry.kind == BarKind::kIo) continue;
    if (OwnsPage(entry.change.range, Active(false)) != entry.change.owns_page) {
      Perform(entry, spaces);
    }
  }
}

void BarMap::Apply(PciFunction& function, std::span<const BarChange> changes,
                   const Spaces& spaces) {
  if (changes.empty()) return;
  for (const BarChange& change : changes) {
    if (!change.active) Remove(function, change, spaces);
  }
  for (const BarChange& change : changes) {
    if (change.active) entries_.push_back({&function, change, KindOf(function, change.index)});
  }
  Settle(spaces);
}

void BarMap::Settle(const Spaces& spaces) {
  for (Entry& entry : entries_) {
    if (entry.state == State::kWaiting) Activate(entry, spaces);
  }
  SharePages(spaces);
}

}  // namespace vmm::pci
