// From the interrupts that the guest wants to those that are set up: the shortest list of steps.
//
// Host vectors are taken lazily: MSI-X is switched on with what the guest has unmasked, or with one
// vector without event, and others follow as the guest unmasks them. A masked vector keeps its host
// vector and its event; only the way into the guest (irqfd) is taken away, so that an interrupt in
// the meantime stays in the event. INTx is one line, on or off: while it is on, the guest's disable
// bit is the kernel's to mask with (vfio_pci_intrs.c). Pure; performed by InterruptApplier.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/kvm/vm.h"
#include "vmm/pci/msi.h"
#include "vmm/pci/msix.h"

namespace vmm::assigned {

enum class IrqMode : uint8_t { kNone, kIntx, kMsi, kMsix };

// What the guest has asked for.
struct WantedVector {
  bool live = false;  // unmasked, with a message that is an interrupt
  kvm::MsiMessage message;
};
struct IrqWanted {
  IrqMode mode = IrqMode::kNone;
  std::vector<WantedVector> vectors;
};
IrqWanted WantedMsix(const pci::Msix& msix);
IrqWanted WantedMsi(const pci::Msi& msi);
IrqWanted WantedIntx();

// What is set up, as far as the kernel has said yes.
struct AppliedVector {
  bool routed = false;
  kvm::MsiMessage message;
  bool connected = false;  // irqfd
  bool armed = false;      // VFIO signals its event
  bool pending = false;    // signalled while not connected
  bool refused = false;    // the host lacks something for it: not tried again in this mode
};
struct IrqApplied {
  IrqMode mode = IrqMode::kNone;
  uint32_t requested = 0;     // vectors asked of VFIO when the mode was switched on
  uint32_t host_vectors = 0;  // vectors [0, n) can be armed without switching off
  bool uncommitted = false;   // routes have been set and not committed
  std::vector<AppliedVector> vectors;

  AppliedVector at(uint32_t vector) const {
    return vector < vectors.size() ? vectors[vector] : AppliedVector{};
  }
};

struct IrqStep {
  enum class Kind : uint8_t {
    kDisconnect,  // irqfds away
    kDisable,     // all vectors of the mode off
    kFreeRoutes,
    kSetRoute,  // one vector, to `message`
    kCommitRoutes,
    kConnect,  // irqfds; an interrupt that came while masked is signalled again
    kEnable,   // the mode on, with `count` host vectors; connected ones armed (MSI: all; INTx: the
               // irqfd too)
    kArm,      // more vectors while the mode is on
    kGrow,     // off and on again with `count` host vectors; armed ones are signalled once, since
               // an interrupt in between is lost
  };
  Kind kind = Kind::kCommitRoutes;
  IrqMode mode = IrqMode::kNone;
  uint32_t first = 0;
  uint32_t count = 0;
  kvm::MsiMessage message;

  bool operator==(const IrqStep&) const = default;
  std::string ToString() const;
};

// How many MSI vectors a guest may be granted of a device: what the host grants at once, as a power
// of two. With fewer on the host than in the guest the device signals several sources by one
// vector, and the guest would look at one of them (PCI 3.0, 6.8.3.4).
uint32_t MsiVectorsShown(uint32_t capable, uint32_t granted);

// How many vectors to ask for after `tried` did not work: what the kernel says is free; when it has
// not said, as many as worked before (`had`), then halves. 0: give up.
uint32_t FewerVectors(IrqMode mode, uint32_t tried, uint32_t had, uint32_t free);

// `can_grow`: VFIO adds MSI-X vectors while the mode is on (no VFIO_IRQ_INFO_NORESIZE). Otherwise
// host vectors double when there are too few, so that 2048 of them cost 11 interruptions.
std::vector<IrqStep> Reconcile(const IrqWanted& wanted, const IrqApplied& applied, bool can_grow);

}  // namespace vmm::assigned
