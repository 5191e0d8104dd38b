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
namespace registers = sysfs::registers;

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

// The file that was asked for; empty for the device's own and for none.
base::Result<std::vector<std::byte>> ReadRom(const RomRequest& request,
                                             std::span<const std::byte> config) {
  if (request.off || request.file.empty()) return std::vector<std::byte>();
  return ReadRomFile(request.file, {base::LoadLe<uint16_t>(config, header::kVendor),
                                    base::LoadLe<uint16_t>(config, header::kDevice)});
}

uint64_t RomBytes(const RomRequest& request, std::span<const std::byte> file,
                  const vfio::Device& device) {
  if (request.off || !file.empty()) return file.size();
  const vfio::Region* region = device.region(vfio::kRomRegion);
  return region == nullptr || !region->readable ? 0 : region->size;
}

// VFIO knows how many MSI vectors the device has, not how many the host has for it: without
// interrupt remapping it is one. The device is quiet here, and none of the vectors has an event.
uint32_t GrantedMsi(const vfio::Device& device) {
  constexpr uint32_t kMost = 1u << registers::msi::kMostVectorsLog2;
  const uint32_t known = std::min(device.irq(vfio::kMsiIrq).count, kMost);
  if (known <= 1) return known;
  const std::vector<int> none(known, -1);
  const auto granted = device.OfferTriggers(vfio::kMsiIrq, none);
  if (const base::Status off = device.DisableIrq(vfio::kMsiIrq); !off || !granted) {
    base::Log(base::Level::kWarning, "{} (the guest sees one MSI vector)",
              granted ? off.error().message() : granted.error().message());
    return 1;
  }
  if (*granted < known) {
    base::Log(base::Level::kInfo, "{}: the host grants {} of {} MSI vectors",
              device.address().ToString(), *granted, known);
  }
  return *granted;
}

// The kernel knows a virtual function's identity by itself (PCIe 6.0, 9.3.4.1.1), its status it
// reads; neither is all ones in a function that is there.
bool LooksAlive(std::span<const std::byte> config) {
  return base::LoadLe<uint16_t>(config, header::kVendor) != 0xffff &&
         base::LoadLe<uint16_t>(config, header::kStatus) != 0xffff;
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
  std::vector<std::byte> rom = TRY(ReadRom(options.rom, config));
  if (const auto bar = RomBar(RomBytes(options.rom, rom, device))) bars.push_back(*bar);
  ConfigPlan plan = PlanConfig({config, bars, GrantedMsi(device), device.irq(vfio::kMsixIrq).count,
                                HasIntx(device, config), options.config, options.behind_port});
  base::EventFd request = TRY(base::EventFd::Create());
  base::EventFd error = TRY(base::EventFd::Create());
  auto assigned = std::make_shared<AssignedDevice>(Key(), std::move(device), std::move(options),
                                                   std::move(bars), std::move(plan), std::move(rom),
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
                               std::vector<std::byte> rom, base::EventFd request,
                               base::EventFd error)
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
    if (info.index == pci::kRomBar) {
      bars_.emplace_back(info, std::move(rom));
      continue;
    }
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
  ForgetLocked();
  return {};
}

void AssignedDevice::Disconnect() {
  const std::lock_guard lock(mutex_);
  QuietLocked();
  interrupts_.Disconnect();
}

// DMA ends first; decoding must not end before the guest's mappings do.
void AssignedDevice::QuietLocked() {
  SetPinLocked(false);
  interrupts_.Clear();
  config_.SetShadow(header::kCommand, Width::k2, 0);
  SyncCommandLocked();
  for (AssignedBar& bar : bars_) bar.Deactivate();
  SyncCommandLocked();
}

// The guest's view is that after a reset, and the hardware's command register follows from it.
void AssignedDevice::ForgetLocked() {
  config_ = plan_.space;
  if (msix_) msix_->Reset();
  decoded_ = {};
  hardware_command_.reset();
  SyncCommandLocked();
}

// The kernel performs the reset within the write and gives the hardware back as it was before
// (vfio_exp_config_write, vfio_af_config_write); interrupts, mappings and the guest's view are ours
// to end. A mapping that is in use meanwhile would fault.
void AssignedDevice::ResetByGuestLocked(uint16_t offset, const pci::WriteEffect& effect) {
  function_resets_.fetch_add(1, std::memory_order_relaxed);
  QuietLocked();
  ForwardLocked(offset, effect);
  ForgetLocked();
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
  RefreshMsiPendingLocked({offset, static_cast<unsigned>(width)});
  if (config_.FullyOwned(offset, width)) return config_.Shadow(offset, width);
  return config_.Read(offset, width, hardware_.ReadConfig(offset, width));
}

std::vector<pci::BarChange> AssignedDevice::WriteConfig(uint16_t offset, Width width,
                                                        uint32_t value) {
  config_accesses_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  const pci::WriteEffect effect = config_.Write(offset, width, value);
  if (InitiatesReset(plan_, offset, effect)) {
    const pci::DecodedBars before = decoded_;
    ResetByGuestLocked(offset, effect);
    return pci::PlanBarChanges(before, decoded_);
  }
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
  return bar->Activate(hardware_.device(), change, spaces, [&](uint64_t offset) {
    return std::make_shared<TrapWindow>(shared_from_this(), change.index, offset);
  });
}

// The hardware decodes as long as the guest wants it or a BAR is active. Its pin is off but for
// INTx, where the kernel masks by the guest's bit (vfio_basic_config_write).
void AssignedDevice::SyncCommandLocked() {
  const uint32_t guest = config_.Shadow(header::kCommand, Width::k2);
  uint32_t command = (guest & pci::kCommandWork) |
                     (pin_open_ ? guest & pci::kCommandIntxDisable : pci::kCommandIntxDisable);
  for (const AssignedBar& bar : bars_) {
    if (!bar.active()) continue;
    command |= bar.info().kind == pci::BarKind::kIo ? pci::kCommandIo : pci::kCommandMemory;
  }
  const auto wanted = static_cast<uint16_t>(command);
  if (hardware_command_ == wanted) return;
  hardware_.WriteConfig(header::kCommand, Width::k2, wanted);
  hardware_command_ = wanted;
  const bool mastering = (wanted & pci::kCommandMaster) != 0;
  if (std::exchange(mastering_, mastering) == mastering || !options_.mastering) return;
  options_.later([tell = options_.mastering, mastering] { tell(mastering); });
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
  counters.function_resets = function_resets_.load(std::memory_order_relaxed);
  counters.iommu_faults = iommu_faults_.load(std::memory_order_relaxed);
  counters.vectors_refused = interrupts_.refused();
  counters.set_irqs = interrupts_.set_irqs();
  return counters;
}

}  // namespace vmm::assigned
