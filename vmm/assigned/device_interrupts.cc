// How an assigned device interrupts: from what the guest has written to what is set up.
#include <utility>

#include "vmm/assigned/device.h"
#include "vmm/pci/registers.h"

namespace vmm::assigned {
namespace {

namespace header = sysfs::registers::header;
namespace registers = sysfs::registers;

}  // namespace

bool AssignedDevice::TouchesInterruptsLocked(uint16_t offset, Width width) const {
  const base::Range access{offset, static_cast<unsigned>(width)};
  return (plan_.intx && access.Overlaps({header::kCommand, 2})) ||
         (plan_.msi && access.Overlaps({plan_.msi->offset, plan_.msi->size()})) ||
         (plan_.msix && access.Overlaps({plan_.msix->offset, registers::msix::kSize}));
}

void AssignedDevice::SyncInterruptsLocked() {
  if (msix_) {
    const auto control = static_cast<uint16_t>(plan_.msix->offset + registers::msix::kControl);
    msix_->SetControl(static_cast<uint16_t>(config_.Shadow(control, Width::k2)));
  }
  const IrqWanted wanted = WantedLocked();
  const bool can_grow = !hardware_.device().irq(vfio::kMsixIrq).no_resize;
  const std::vector<IrqStep> steps = Reconcile(wanted, interrupts_.applied(), can_grow);
  if (steps.empty()) return;
  if (wanted.mode != IrqMode::kIntx) SetPinLocked(false);
  const base::Status status = interrupts_.Apply(steps);
  SetPinLocked(interrupts_.applied().mode == IrqMode::kIntx);
  if (!status) ReportLocked(wanted.mode, status.error());
}

// A function interrupts by its pin unless MSI or MSI-X is on. The line is taken on the host when
// the guest first lets the device work: most drivers switch to MSI-X before, or soon after.
IrqWanted AssignedDevice::WantedLocked() const {
  if (msix_ && msix_->enabled()) return WantedMsix(*msix_);
  if (plan_.msi) {
    IrqWanted msi = WantedMsi(pci::Msi(config_, *plan_.msi));
    if (msi.mode != IrqMode::kNone) return msi;
  }
  const bool works = (config_.Shadow(header::kCommand, Width::k2) & pci::kCommandWork) != 0 ||
                     interrupts_.applied().mode != IrqMode::kNone;
  return plan_.intx && works && !pin_refused_ ? WantedIntx() : IrqWanted{};
}

void AssignedDevice::SetPinLocked(bool open) {
  pin_open_ = open;
  SyncCommandLocked();
}

void AssignedDevice::ReportLocked(IrqMode wanted, const base::Error& why) {
  if (wanted != IrqMode::kIntx) {
    log_.Log(base::Level::kError, "{}: interrupts: {}", name_, why.message());
    return;
  }
  pin_refused_ = true;
  const bool alone = !plan_.msi && !plan_.msix;
  options_.later([why, name = name_, explain = options_.explain_intx,
                  level = alone ? base::Level::kError : base::Level::kWarning] {
    const base::Error explained = explain(why);
    base::Log(level, "{}: the guest gets no interrupts by its pin (INTx): {}{}{}", name,
              explained.message(), explained.hint().empty() ? "" : "\n  hint: ", explained.hint());
  });
}

void AssignedDevice::RefreshMsiPendingLocked(const base::Range& access) {
  if (!plan_.msi || !plan_.msi->maskable) return;
  if (!access.Overlaps({plan_.msi->pending_offset(), 4})) return;
  for (unsigned v = 0; v < plan_.msi->max_vectors; ++v) {
    pci::SetMsiPending(config_, *plan_.msi, v, interrupts_.Pending(v));
  }
}

}  // namespace vmm::assigned
