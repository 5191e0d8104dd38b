#include "vmm/assigned/bar.h"

#include <algorithm>
#include <utility>

#include "sysfs/base/log.h"
#include "vmm/assigned/rom.h"

namespace vmm::assigned {

base::Status AssignedBar::Activate(const vfio::Device& device, const pci::BarChange& change,
                                   const pci::Spaces& spaces, const MakeTrap& trap) {
  if (spaces.vm != nullptr) MapOnce(device);
  const bool is_alone = change.range.size >= base::kPageSize || change.owns_page;
  const bool direct = spaces.vm != nullptr && !mappings_.empty() && is_alone;
  std::vector<kvm::MemorySlot> old_slots;
  std::vector<Window> old_windows;
  // What is trapped in any case would be in its own way.
  if (active_ && range_ == change.range && plan_.trapped.empty()) {
    if (direct == !slots_.empty()) return {};
    old_slots = std::exchange(slots_, {});
    old_windows = std::exchange(windows_, {});
  } else {
    Deactivate();
  }
  base::Status status = Attach(device, change.range, direct, spaces, trap);
  for (const Window& window : old_windows) window.bus->Detach(window.range);
  active_ = true;
  range_ = change.range;
  if (!status) Deactivate();
  return status;
}

base::Status AssignedBar::Attach(const vfio::Device& device, const base::Range& range, bool direct,
                                 const pci::Spaces& spaces, const MakeTrap& trap) {
  if (!direct && info_.index == pci::kRomBar) {
    return base::Fail(base::Code::kKernel, "no memory for the expansion ROM");
  }
  for (size_t i = 0; i < plan_.mapped.size(); ++i) {
    if (direct) {
      TRY(AddSlot(i, range, device, *spaces.vm));
    } else {
      TRY(AddWindow(plan_.mapped[i], range, spaces, trap));
    }
  }
  for (const vfio::Area& area : plan_.trapped) TRY(AddWindow(area, range, spaces, trap));
  return {};
}

void AssignedBar::Deactivate() {
  if (!active_) return;
  slots_.clear();
  for (const Window& window : windows_) window.bus->Detach(window.range);
  windows_.clear();
  active_ = false;
}

void AssignedBar::MapOnce(const vfio::Device& device) {
  if (mapping_tried_) return;
  mapping_tried_ = true;
  std::vector<base::Mapping> mappings;
  for (const vfio::Area& area : plan_.mapped) {
    auto mapping = MapArea(device, area);
    if (!mapping) {
      base::Log(base::Level::kWarning, "BAR {} is slow, every access is trapped: {}", info_.index,
                mapping.error().message());
      return;
    }
    mappings.push_back(std::move(*mapping));
  }
  mappings_ = std::move(mappings);
}

base::Result<base::Mapping> AssignedBar::MapArea(const vfio::Device& device,
                                                 const vfio::Area& area) const {
  if (info_.index == pci::kRomBar) return FillRom(device, info_.size, rom_file_);
  return device.Map(vfio::kBar0Region + info_.index, area);
}

base::Status AssignedBar::AddSlot(size_t area, const base::Range& range, const vfio::Device& device,
                                  kvm::Vm& vm) {
  const vfio::Region* region = device.region(vfio::kBar0Region + info_.index);
  const bool writable = region != nullptr && region->writable && info_.index != pci::kRomBar;
  const base::GuestPhys at{range.base + plan_.mapped[area].offset};
  slots_.push_back(
      TRY(vm.MapMemory(at, mappings_[area].bytes(),
                       writable ? kvm::SlotAccess::kReadWrite : kvm::SlotAccess::kReadOnly)));
  return {};
}

base::Status AssignedBar::AddWindow(const vfio::Area& area, const base::Range& range,
                                    const pci::Spaces& spaces, const MakeTrap& trap) {
  Bus* const bus = info_.kind == pci::BarKind::kIo ? spaces.ports : spaces.memory;
  const base::Range window{range.base + area.offset, std::min(area.size, range.size - area.offset)};
  TRY(bus->Attach(window, trap(area.offset)));
  windows_.push_back({bus, window});
  return {};
}

}  // namespace vmm::assigned
