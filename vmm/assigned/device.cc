#include "vmm/assigned/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sysfs/base/bits.h"
#include "vmm/pci/registers.h"
#include "vmm/platform.h"

namespace vmm::assigned {
namespace {

namespace header = sysfs::registers::header;
namespace registers = sysfs::registers;

// With one of these on, the device can do something.
constexpr uint32_t kCommandWork = pci::kCommandIo | pci::kCommandMemory | pci::kCommandMaster;

// The guest's accesses to one window of a BAR.
class TrapWindow final : public IoDevice {
 public:
  TrapWindow(std::shared_ptr<AssignedDevice> device, unsigned bar, uint64_t base)
      : device_(std::move(device)), bar_(bar), base_(base) {}

  std::string_view name() const override { return device_->name(); }
  uint64_t Read(Access access) override {
    return device_->ReadBar(bar_, base_ + access.offset, access.width);
  }
  void Write(Access access, uint64_t value) override {
    device_->WriteBar(bar_, base_ + access.offset, access.width, value);
  }

 private:
  const std::shared_ptr<AssignedDevice> device_;
  const unsigned bar_;
  const uint64_t base_;
};

base::Result<std::vector<std::byte>> ReadWholeConfig(const vfio::Device& device) {
  const vfio::Region* region = device.region(vfio::kConfigRegion);
  const uint64_t size = region == nullptr ? 0 : region->size;
  std::vector<std::byte> config(size >= pci::kExtendedConfigSize ? pci::kExtendedConfigSize
                                                                 : pci::kConfigSize);
  TRY(device.Read(vfio::kConfigRegion, 0, config));
  return config;
}

RegionSizes BarSizes(const vfio::Device& device) {
  RegionSizes sizes{};
  for (unsigned i = 0; i < sizes.size(); ++i) {
    const vfio::Region* region = device.region(vfio::kBar0Region + i);
    sizes[i] = region == nullptr ? 0 : region->size;
  }
  return sizes;
}

// VFIO shows no pin for a function without a line on the host.
bool HasIntx(const vfio::Device& device, std::span<const std::byte> config) {
  const vfio::IrqInfo irq = device.irq(vfio::kIntxIrq);
  return config[header::kInterruptPin] != std::byte{0} && irq.count > 0 && irq.eventfd &&
         irq.automasked;
}

// The kernel knows a virtual function's identity by itself (PCIe 6.0, 9.3.4.1.1), its status it
// reads; neither is all ones in a function that is there.
bool LooksAlive(std::span<const std::byte> config) {
  return base::LoadLe<uint16_t>(config, header::kVendor) != 0xffff &&
         base::LoadLe<uint16_t>(config, header::kStatus) != 0xffff;
}

bool Overlap(unsigned a, unsigned a_size, unsigned b, unsigned b_size) {
  return a < b + b_size && b < a + a_size;
}

}  // namespace

base::Result<std::shared_ptr<AssignedDevice>> AssignedDevice::Create(vfio::Device device,
                                                                     DeviceOptions options) {
  const std::vector<std::byte> config = TRY(ReadWholeConfig(device));
  if (!LooksAlive(config)) {
    return base::Fail(
        base::Code::kKernel,
        device.address().ToString() + ": does not answer: it reads as all ones",
        "switch its slot, or the host, off and on; vassign list shows if it is there");
  }
  std::vector<pci::BarInfo> bars = ParseBars(config, BarSizes(device));
  ConfigPlan plan =
      PlanConfig({config, bars, device.irq(vfio::kMsiIrq).count, device.irq(vfio::kMsixIrq).count,
                  HasIntx(device, config), options.config, options.behind_port});
  base::EventFd request = TRY(base::EventFd::Create());
  base::EventFd error = TRY(base::EventFd::Create());
  auto assigned = std::make_shared<AssignedDevice>(Key(), std::move(device), std::move(options),
                                                   std::move(bars), std::move(plan),
                                                   std::move(request), std::move(error));
  assigned->ArmEvent(vfio::kRequestIrq, assigned->request_);
  assigned->ArmEvent(vfio::kErrorIrq, assigned->error_);
  if (assigned->plan_.without_interrupts) {
    base::Log(base::Level::kWarning,
              "{}: has neither MSI nor MSI-X, and VFIO does not serve its interrupt pin: the guest "
              "gets no interrupts from it",
              assigned->name_);
  }
  return assigned;
}

AssignedDevice::AssignedDevice(Key, vfio::Device device, DeviceOptions options,
                               std::vector<pci::BarInfo> bars, ConfigPlan plan,
                               base::EventFd request, base::EventFd error)
    : name_(device.address().ToString()),
      options_(std::move(options)),
      bar_infos_(std::move(bars)),
      plan_(std::move(plan)),
      hardware_(std::move(device)),
      request_(std::move(request)),
      error_(std::move(error)),
      config_(plan_.space),
      interrupts_(hardware_.device()) {
  if (plan_.msix) msix_.emplace(plan_.msix->vectors);
  for (const pci::BarInfo& info : bar_infos_) {
    const vfio::Region* region = hardware_.device().region(vfio::kBar0Region + info.index);
    bars_.emplace_back(info, PlanBar(*region, plan_.msix, base::kPageSize));
  }
}

void AssignedDevice::ArmEvent(uint32_t irq, const base::EventFd& event) {
  if (hardware_.device().irq(irq).count == 0) return;
  const int fd = event.fd().raw();
  if (const auto status = hardware_.device().SetTriggers(irq, 0, {&fd, 1}); !status) {
    base::Log(base::Level::kWarning, "{}", status.error().message());
  }
}

base::Status AssignedDevice::Connect(kvm::InterruptRouter& router) {
  const std::lock_guard lock(mutex_);
  interrupts_.Connect(router, IntxGsi(options_.guest_slot, 0));
  pin_open_ = pin_refused_ = false;
  config_ = plan_.space;
  if (msix_) msix_->Reset();
  decoded_ = {};
  hardware_command_.reset();
  SyncCommandLocked();
  return {};
}

void AssignedDevice::Disconnect() {
  const std::lock_guard lock(mutex_);
  SetPinLocked(false);
  interrupts_.Disconnect();
  // DMA ends first; decoding must not end before the guest's mappings do.
  config_.SetShadow(header::kCommand, Width::k2, 0);
  SyncCommandLocked();
  for (AssignedBar& bar : bars_) bar.Deactivate();
  SyncCommandLocked();
}

base::Status AssignedDevice::Reset() {
  TRY(host().Reset());
  return CheckAfterReset();
}

base::Status AssignedDevice::CheckAfterReset() {
  const std::lock_guard lock(mutex_);
  hardware_command_.reset();
  if (Answers()) return {};
  return base::Fail(base::Code::kKernel, name_ + ": does not answer after its reset");
}

bool AssignedDevice::Answers() const {
  std::array<std::byte, header::kStatus + 2> start{};
  return host().Read(vfio::kConfigRegion, 0, start) && LooksAlive(start);
}

uint32_t AssignedDevice::ReadConfig(uint16_t offset, Width width) {
  config_accesses_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (plan_.msi && plan_.msi->maskable &&
      Overlap(offset, static_cast<unsigned>(width), plan_.msi->pending_offset(), 4)) {
    RefreshMsiPendingLocked();
  }
  if (config_.FullyOwned(offset, width)) return config_.Shadow(offset, width);
  return config_.Read(offset, width, hardware_.ReadConfig(offset, width));
}

std::vector<pci::BarChange> AssignedDevice::WriteConfig(uint16_t offset, Width width,
                                                        uint32_t value) {
  config_accesses_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  const pci::WriteEffect effect = config_.Write(offset, width, value);
  if (effect.to_hardware != 0) ForwardLocked(offset, effect);
  if (!effect.changed) return {};
  SyncCommandLocked();
  if (TouchesInterruptsLocked(offset, width)) SyncInterruptsLocked();
  const pci::DecodedBars before = std::exchange(decoded_, pci::DecodeBars(config_, bar_infos_));
  return pci::PlanBarChanges(before, decoded_);
}

void AssignedDevice::ForwardLocked(uint16_t offset, pci::WriteEffect effect) {
  const PolicyVerdict verdict = plan_.rules.Judge(offset, effect.to_hardware);
  const auto count = [](std::atomic<uint64_t>& counter, uint8_t bytes) {
    if (bytes != 0) counter.fetch_add(1, std::memory_order_relaxed);
  };
  count(config_vendor_, verdict.vendor);
  count(config_unowned_, verdict.unowned);
  count(config_denied_, verdict.denied);
  if (verdict.denied != 0) {
    log_.Log(base::Level::kInfo, "{}: config={}: a write near {:#x} is ignored ({})", name_,
             PolicyName(plan_.rules.policy()), offset,
             verdict.vendor != 0 ? "vendor-specific" : "of no known structure");
  }
  effect.to_hardware = verdict.passed;
  for (const pci::HardwareWrite& write : pci::SplitForHardware(offset, effect)) {
    hardware_.WriteConfig(write.offset, write.width, write.value);
  }
}

AssignedBar* AssignedDevice::FindBarLocked(unsigned index) {
  const auto bar = std::find_if(bars_.begin(), bars_.end(),
                                [&](const AssignedBar& one) { return one.info().index == index; });
  return bar == bars_.end() ? nullptr : &*bar;
}

base::Status AssignedDevice::ApplyBar(const pci::BarChange& change, const pci::Spaces& spaces) {
  const std::lock_guard lock(mutex_);
  AssignedBar* const bar = FindBarLocked(change.index);
  if (bar == nullptr) return base::Fail(base::Code::kInternal, "no such BAR");
  if (!change.active) {
    bar->Deactivate();
    SyncCommandLocked();
    return {};
  }
  SyncCommandLocked();
  return bar->Activate(hardware_.device(), change.range, spaces, [&](uint64_t offset) {
    return std::make_shared<TrapWindow>(shared_from_this(), change.index, offset);
  });
}

// The hardware decodes as long as the guest wants it or a BAR is active. Its pin is off but for
// INTx, where the kernel masks by the guest's bit (vfio_basic_config_write).
void AssignedDevice::SyncCommandLocked() {
  const uint32_t guest = config_.Shadow(header::kCommand, Width::k2);
  uint32_t command = (guest & kCommandWork) |
                     (pin_open_ ? guest & pci::kCommandIntxDisable : pci::kCommandIntxDisable);
  for (const AssignedBar& bar : bars_) {
    if (!bar.active()) continue;
    command |= bar.info().kind == pci::BarKind::kIo ? pci::kCommandIo : pci::kCommandMemory;
  }
  const auto wanted = static_cast<uint16_t>(command);
  if (hardware_command_ == wanted) return;
  hardware_.WriteConfig(header::kCommand, Width::k2, wanted);
  hardware_command_ = wanted;
}

bool AssignedDevice::TouchesInterruptsLocked(uint16_t offset, Width width) const {
  const auto size = static_cast<unsigned>(width);
  return (plan_.intx && Overlap(offset, size, header::kCommand, 2)) ||
         (plan_.msi && Overlap(offset, size, plan_.msi->offset, plan_.msi->size())) ||
         (plan_.msix && Overlap(offset, size, plan_.msix->offset, registers::msix::kSize));
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
  const bool works = (config_.Shadow(header::kCommand, Width::k2) & kCommandWork) != 0 ||
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
  const base::Error explained = options_.explain_intx(why);
  const bool alone = !plan_.msi && !plan_.msix;
  log_.Log(alone ? base::Level::kError : base::Level::kWarning,
           "{}: the guest gets no interrupts by its pin (INTx): {}{}{}", name_, explained.message(),
           explained.hint().empty() ? "" : "\n  hint: ", explained.hint());
}

void AssignedDevice::RefreshMsiPendingLocked() {
  for (unsigned v = 0; v < plan_.msi->max_vectors; ++v) {
    pci::SetMsiPending(config_, *plan_.msi, v, interrupts_.Pending(v));
  }
}

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

AssignedCounters AssignedDevice::counters() const {
  AssignedCounters counters;
  for (size_t i = 0; i < trapped_.size(); ++i) {
    counters.trapped[i] = trapped_[i].load(std::memory_order_relaxed);
  }
  counters.config_accesses = config_accesses_.load(std::memory_order_relaxed);
  counters.config_vendor = config_vendor_.load(std::memory_order_relaxed);
  counters.config_unowned = config_unowned_.load(std::memory_order_relaxed);
  counters.config_denied = config_denied_.load(std::memory_order_relaxed);
  counters.route_commits = interrupts_.route_commits();
  counters.set_irqs = interrupts_.set_irqs();
  return counters;
}

}  // namespace vmm::assigned
