// One BAR of an assigned device while it is active: memory slots for what the guest reaches
// directly, windows on the bus for the rest.
//
// The device's memory is mapped once, at the first activation, and stays mapped; slots and windows
// exist only while the BAR is active. Of the expansion ROM a copy is mapped; nothing of it is
// trapped. Not thread safe.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sysfs/base/mapping.h"
#include "vfio/device.h"
#include "vmm/assigned/bars.h"
#include "vmm/pci/function.h"

namespace vmm::assigned {

class AssignedBar {
 public:
  // Makes the device that answers accesses from `offset` inside the BAR on.
  using MakeTrap = std::function<std::shared_ptr<IoDevice>(uint64_t offset)>;

  AssignedBar(const pci::BarInfo& info, BarPlan plan) : info_(info), plan_(std::move(plan)) {}
  // The expansion ROM; without `file` it is the device's own.
  AssignedBar(const pci::BarInfo& rom, std::vector<std::byte> file)
      : info_(rom), plan_{{{0, rom.size}}, {}}, rom_file_(std::move(file)) {}

  const pci::BarInfo& info() const { return info_; }
  bool active() const { return active_; }

  // All or nothing. Without a virtual machine in `spaces`, when the device's memory cannot be
  // mapped, or when a BAR smaller than a page shares it, every access is trapped. An active BAR is
  // deactivated first; one that stays where it is has its new way before it loses the old one, so
  // that a processor that uses it meanwhile finds the device.
  base::Status Activate(const vfio::Device& device, const pci::BarChange& change,
                        const pci::Spaces& spaces, const MakeTrap& trap);
  void Deactivate();

 private:
  struct Window {
    Bus* bus;
    base::Range range;
  };
  base::Status Attach(const vfio::Device& device, const base::Range& range, bool direct,
                      const pci::Spaces& spaces, const MakeTrap& trap);
  void MapOnce(const vfio::Device& device);
  base::Result<base::Mapping> MapArea(const vfio::Device& device, const vfio::Area& area) const;
  base::Status AddSlot(size_t area, const base::Range& range, const vfio::Device& device,
                       kvm::Vm& vm);
  base::Status AddWindow(const vfio::Area& area, const base::Range& range,
                         const pci::Spaces& spaces, const MakeTrap& trap);

  pci::BarInfo info_;
  BarPlan plan_;
  std::vector<std::byte> rom_file_;
  bool active_ = false;
  base::Range range_;  // while active
  bool mapping_tried_ = false;
  std::vector<base::Mapping> mappings_;  // as plan_.mapped; before the slots that use them
  std::vector<kvm::MemorySlot> slots_;
  std::vector<Window> windows_;
};

}  // namespace vmm::assigned
