// Which BARs of all functions are active: lets a guest's choice take effect only where it harms
// nobody.
//
// A BAR that overlaps RAM, a register of the machine or another BAR, or lies outside of the
// windows, stays inactive and is logged. It becomes active when what was in its way has gone: a
// guest that swaps two BARs passes through such a moment.
//
// A BAR smaller than a page is told whether it has its page to itself, and is made active anew when
// that changes.
//
// Not thread safe; the host bridge serialises.
#pragma once

#include <span>
#include <vector>

#include "sysfs/base/log.h"
#include "vmm/pci/function.h"
#include "vmm/pci/placement.h"

namespace vmm::pci {

class BarMap {
 public:
  explicit BarMap(BarWindows windows) : windows_(std::move(windows)) {}

  // Performs what a function's WriteConfig returned.
  void Apply(PciFunction& function, std::span<const BarChange> changes, const Spaces& spaces);
  // The functions, or this one, have let go of everything themselves. Settle then lets the others
  // have the room, and the pages, that it leaves.
  void Clear() { entries_.clear(); }
  void Forget(const PciFunction& function);
  void Settle(const Spaces& spaces);

  // Active ranges of the port space or of the memory space.
  std::vector<base::Range> Active(bool ports) const;

 private:
  enum class State : uint8_t { kWaiting, kActive, kFailed };
  struct Entry {
    PciFunction* function;
    BarChange change;
    BarKind kind;
    State state = State::kWaiting;
    bool logged = false;
  };
  void Remove(PciFunction& function, const BarChange& change, const Spaces& spaces);
  void Activate(Entry& entry, const Spaces& spaces);
  void Perform(Entry& entry, const Spaces& spaces);
  void SharePages(const Spaces& spaces);

  BarWindows windows_;
  std::vector<Entry> entries_;
  base::Limited log_;
};

}  // namespace vmm::pci
