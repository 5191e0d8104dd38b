#include "vmm/assigned/interrupts.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace vmm::assigned {
namespace {

using Kind = IrqStep::Kind;

// Collects the steps of one reconciliation.
class Plan {
 public:
  Plan(const IrqWanted& wanted, const IrqApplied& applied, bool can_grow)
      : wanted_(wanted), now_(applied), can_grow_(can_grow) {}

  std::vector<IrqStep> Make() {
    if (MustRestart()) TearDown();
    Disconnect();
    if (wanted_.mode == IrqMode::kNone) return std::move(steps_);
    if (wanted_.mode == IrqMode::kIntx) {
      if (now_.mode == IrqMode::kNone) Add(Kind::kEnable, 0, 1);
      return std::move(steps_);
    }
    Route();
    const auto wants_connection = [&](uint32_t v) { return Usable(v) && !now_.at(v).connected; };
    AddRuns(Kind::kConnect, Count(), wants_connection);
    if (now_.mode == IrqMode::kNone) {
      Enable();
    } else {
      Arm();
    }
    return std::move(steps_);
  }

 private:
  uint32_t Count() const { return static_cast<uint32_t>(wanted_.vectors.size()); }
  // Live, and not known to be impossible.
  bool Usable(uint32_t v) const { return wanted_.vectors[v].live && !now_.at(v).refused; }
  bool WantsArming(uint32_t v) const { return Usable(v) && !now_.at(v).armed; }

  bool MustRestart() const {
    if (now_.mode != wanted_.mode) return true;
    return now_.mode == IrqMode::kMsi && now_.requested != Count();
  }

  void Add(Kind kind, uint32_t first = 0, uint32_t count = 0) {
    steps_.push_back({kind, wanted_.mode, first, count, {}});
  }

  // One step for each run of consecutive vectors that `wants` them.
  template <class Wants>
  void AddRuns(Kind kind, uint32_t end, const Wants& wants) {
    for (uint32_t v = 0; v < end;) {
      uint32_t next = v;
      while (next < end && wants(next)) ++next;
      if (next > v) Add(kind, v, next - v);
      v = next + 1;
    }
  }

  void TearDown() {
    const auto size = static_cast<uint32_t>(now_.vectors.size());
    AddRuns(Kind::kDisconnect, size, [&](uint32_t v) { return now_.vectors[v].connected; });
    if (now_.mode != IrqMode::kNone) steps_.push_back({Kind::kDisable, now_.mode, 0, 0, {}});
    AddRuns(Kind::kFreeRoutes, size, [&](uint32_t v) { return now_.vectors[v].routed; });
    now_ = IrqApplied{};
  }

  void Disconnect() {
    const auto size = static_cast<uint32_t>(now_.vectors.size());
    AddRuns(Kind::kDisconnect, size, [&](uint32_t v) {
      return now_.vectors[v].connected && (v >= Count() || !wanted_.vectors[v].live);
    });
  }

  void Route() {
    bool commit = now_.uncommitted;
    for (uint32_t v = 0; v < Count(); ++v) {
      const AppliedVector have = now_.at(v);
      const kvm::MsiMessage& message = wanted_.vectors[v].message;
      if (!Usable(v) || (have.routed && have.message == message)) continue;
      steps_.push_back({Kind::kSetRoute, wanted_.mode, v, 1, message});
      commit = true;
    }
    if (commit) Add(Kind::kCommitRoutes);
  }

  uint32_t LastToArm() const {
    uint32_t end = 0;
    for (uint32_t v = 0; v < Count(); ++v) {
      if (WantsArming(v)) end = v + 1;
    }
    return end;
  }

  void Enable() {
    if (wanted_.mode == IrqMode::kMsi) {
      Add(Kind::kEnable, 0, Count());
      return;
    }
    uint32_t first_run = 0;
    while (first_run < Count() && WantsArming(first_run)) ++first_run;
    const uint32_t count = std::max(1u, can_grow_ ? first_run : LastToArm());
    Add(Kind::kEnable, 0, count);
    AddRuns(Kind::kArm, Count(), [&](uint32_t v) { return v >= count && WantsArming(v); });
  }

  void Arm() {
    const uint32_t end = LastToArm();
    if (wanted_.mode == IrqMode::kMsix && !can_grow_ && end > now_.host_vectors) {
      Add(Kind::kGrow, 0, std::min(Count(), std::max(end, 2 * now_.host_vectors)));
      return;
    }
    AddRuns(Kind::kArm, Count(), [&](uint32_t v) { return WantsArming(v); });
  }

  const IrqWanted& wanted_;
  IrqApplied now_;
  bool can_grow_;
  std::vector<IrqStep> steps_;
};

std::string_view ModeText(IrqMode mode) {
  switch (mode) {
    case IrqMode::kNone:
      return "none";
    case IrqMode::kIntx:
      return "intx";
    case IrqMode::kMsi:
      return "msi";
    case IrqMode::kMsix:
      return "msix";
  }
  return "";
}

std::string_view KindText(Kind kind) {
  switch (kind) {
    case Kind::kDisconnect:
      return "disconnect";
    case Kind::kDisable:
      return "disable";
    case Kind::kFreeRoutes:
      return "free routes";
    case Kind::kSetRoute:
      return "route";
    case Kind::kCommitRoutes:
      return "commit routes";
    case Kind::kConnect:
      return "connect";
    case Kind::kEnable:
      return "enable";
    case Kind::kArm:
      return "arm";
    case Kind::kGrow:
      return "grow";
  }
  return "";
}

}  // namespace

IrqWanted WantedMsix(const pci::Msix& msix) {
  IrqWanted wanted;
  if (!msix.enabled()) return wanted;
  wanted.mode = IrqMode::kMsix;
  wanted.vectors.resize(msix.vectors());
  for (unsigned v = 0; v < msix.vectors(); ++v) {
    if (!msix.Live(v)) continue;
    const kvm::MsiMessage message = msix.Message(v);
    wanted.vectors[v] = {pci::IsRoutable(message), message};
  }
  return wanted;
}

IrqWanted WantedMsi(const pci::Msi& msi) {
  IrqWanted wanted;
  if (!msi.enabled()) return wanted;
  wanted.mode = IrqMode::kMsi;
  wanted.vectors.resize(msi.vectors());
  for (unsigned v = 0; v < msi.vectors(); ++v) {
    const kvm::MsiMessage message = msi.Message(v);
    wanted.vectors[v] = {!msi.Masked(v) && pci::IsRoutable(message), message};
  }
  return wanted;
}

uint32_t MsiVectorsShown(uint32_t capable, uint32_t granted) {
  return std::bit_floor(std::min(capable, granted));
}

uint32_t FewerVectors(IrqMode mode, uint32_t tried, uint32_t had, uint32_t free) {
  if (free > 0 && free < tried) return mode == IrqMode::kMsi ? std::bit_floor(free) : free;
  return tried > had && tried / 2 < had ? had : tried / 2;
}

IrqWanted WantedIntx() { return {IrqMode::kIntx, {{true, {}}}}; }

std::string IrqStep::ToString() const {
  if (kind == Kind::kCommitRoutes) return std::string(KindText(kind));
  if (kind == Kind::kDisable) return fmt::format("disable {}", ModeText(mode));
  if (kind == Kind::kEnable && mode == IrqMode::kIntx) return "enable intx";
  if (kind == Kind::kSetRoute) {
    return fmt::format("route {} to {:#x}/{:#x}", first, message.address, message.data);
  }
  return fmt::format("{} {}+{}", KindText(kind), first, count);
}

std::vector<IrqStep> Reconcile(const IrqWanted& wanted, const IrqApplied& applied, bool can_grow) {
  return Plan(wanted, applied, can_grow).Make();
}

}  // namespace vmm::assigned
