#include "vmm/virtio/virtio_pci.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/bits.h"
#include "vmm/pci/registers.h"
#include "vmm/virtio/transport/pci_layout.h"

namespace vmm::virtio {
namespace {

namespace header = sysfs::registers::header;

constexpr uint8_t kQueueInterrupt = 1;
constexpr uint8_t kConfigInterrupt = 2;
constexpr unsigned kMostConfigWrites = 4096;
// A guest's write is held up so long by a reset; who takes a card away waits longer.
constexpr std::chrono::milliseconds kResetPatience{100};
constexpr std::chrono::milliseconds kLeavePatience{500};

class BarWindow final : public IoDevice {
 public:
  explicit BarWindow(std::shared_ptr<VirtioPci> function) : function_(std::move(function)) {}
  std::string_view name() const override { return function_->name(); }
  uint64_t Read(Access access) override { return function_->ReadBar(access.offset, access.width); }
  void Write(Access access, uint64_t value) override {
    function_->WriteBar(access.offset, access.width, value);
  }

 private:
  const std::shared_ptr<VirtioPci> function_;
};

bool Within(uint64_t offset, uint64_t place) {
  return offset >= place && offset - place < kPlaceBytes;
}

}  // namespace

class VirtioPci::Key {};

base::Result<std::shared_ptr<VirtioPci>> VirtioPci::Create(VirtioPciOptions options,
                                                           std::unique_ptr<Device> device,
                                                           const GuestRam& ram, IoThread& io) {
  std::vector<base::EventFd> kicks;
  const DeviceModel& model = device->model();
  if (model.queue_sizes.size() > kMostQueues || model.config.size() > kMostConfigBytes) {
    return base::Fail(base::Code::kInternal, options.name + ": does not fit into its BAR");
  }
  for (size_t i = 0; i < model.queue_sizes.size(); ++i) {
    kicks.push_back(TRY(base::EventFd::Create()));
  }
  return std::make_shared<VirtioPci>(Key(), std::move(options), std::move(device), ram, io,
                                     std::move(kicks));
}

VirtioPci::VirtioPci(Key, VirtioPciOptions options, std::unique_ptr<Device> device,
                     const GuestRam& ram, IoThread& io, std::vector<base::EventFd> kicks)
    : options_(std::move(options)),
      device_(std::move(device)),
      ram_(&ram),
      io_(&io),
      kicks_(std::move(kicks)),
      config_(PlanConfigSpace(device_->model())),
      registers_(device_->model(), VectorsOf(device_->model())),
      device_config_(device_->model().config),
      vectors_(options_.name, VectorsOf(device_->model()), options_.intx_gsi) {
  wiring_.interrupt = [this](uint16_t queue) {
    const std::lock_guard lock(mutex_);
    InterruptLocked(kQueueInterrupt, registers_.queues()[queue].vector);
  };
  wiring_.event = [this](uint16_t queue) {
    const std::lock_guard lock(mutex_);
    return vectors_.Share(registers_.queues()[queue].vector);
  };
  wiring_.broken = [this](uint16_t queue, QueueFault fault) { OnBroken(queue, fault); };
  io_side_.runners.resize(kicks_.size());
  device_->Attach([this](std::span<const std::byte> config) { ChangeConfig(config); });
  wiring_.counters = &counters_;
}

std::vector<pci::BarInfo> VirtioPci::bars() const { return {BarOf()}; }

base::Status VirtioPci::Connect(kvm::InterruptRouter& router) {
  const std::lock_guard lock(mutex_);
  if (resetting_) {
    return base::Fail(base::Code::kTimedOut,
                      options_.name + ": the host has not finished its last requests",
                      "see what its storage is doing; the machine can be ended by a signal");
  }
  vectors_.Connect(router);
  return {};
}

void VirtioPci::Disconnect() {
  Lock lock(mutex_);
  ResetLocked(lock, kLeavePatience);
  if (window_ && spaces_.memory != nullptr) spaces_.memory->Detach(*window_);
  window_.reset();
  doorbells_.clear();
  spaces_ = {};
  if (vectors_.ends() != nullptr) {
    Post([this, ends = vectors_.ends()] { WatchPinEnds(nullptr); });
  }
  vectors_.Disconnect();
  config_ = PlanConfigSpace(device_->model());
  decoded_ = {};
}

uint32_t VirtioPci::ReadConfig(uint16_t offset, Width width) {
  Lock lock(mutex_);
  if (TouchesWindow(offset, width)) {
    const auto target = ReadWindow(config_);
    // What is behind the window may have effects when it is read, so only what was asked for is.
    if (target && offset == kWindowData) {
      const Width both = std::min(width, target->width);
      config_.SetShadow(kWindowData, Width::k4,
                        static_cast<uint32_t>(ReadBarLocked(target->offset, both)));
    }
  }
  const uint16_t pin = isr_ != 0 ? pci::kStatusInterrupt : 0;
  config_.SetShadow(header::kStatus, Width::k2, pci::kStatusCapabilities | pin);
  return config_.Shadow(offset, width);
}

std::vector<pci::BarChange> VirtioPci::WriteConfig(uint16_t offset, Width width, uint32_t value) {
  Lock lock(mutex_);
  const uint32_t before = config_.Shadow(header::kCommand, Width::k2);
  const bool level = PinLevelLocked();
  config_.Write(offset, width, value);
  if (TouchesWindow(offset, width) && offset == kWindowData) {
    if (const auto target = ReadWindow(config_)) {
      const Width both = std::min(width, target->width);
      WriteBarLocked(lock, target->offset, both, value & AllOnes(both));
    }
  }
  const uint32_t command = config_.Shadow(header::kCommand, Width::k2);
  if (((command ^ before) & pci::kCommandMaster) != 0) {
    SetMasterLocked((command & pci::kCommandMaster) != 0);
  }
  const auto control = static_cast<uint16_t>(
      config_.Shadow(kMsixCapability + sysfs::registers::msix::kControl, Width::k2));
  if (vectors_.msix().SetControl(control)) {
    vectors_.Sync();
    RewireLocked();
  }
  if (!level) UpdatePinLocked();
  const pci::BarInfo bar = BarOf();
  const pci::DecodedBars decoded = std::exchange(decoded_, pci::DecodeBars(config_, {&bar, 1}));
  return pci::PlanBarChanges(decoded, decoded_);
}

base::Status VirtioPci::ApplyBar(const pci::BarChange& change, const pci::Spaces& spaces) {
  const std::lock_guard lock(mutex_);
  doorbells_.clear();
  if (window_) spaces_.memory->Detach(*window_);
  window_.reset();
  if (!change.active) return {};
  TRY(spaces.memory->Attach(change.range, std::make_shared<BarWindow>(shared_from_this())));
  window_ = change.range;
  spaces_ = spaces;
  SetDoorbellsLocked();
  return {};
}

// Whoever signals vectors without us learns that they are others.
void VirtioPci::RewireLocked() {
  if (started_ && !std::exchange(rewires_, true)) Post([this] { RewireAll(); });
}

// Of the queues that work. A write that finds none is trapped and does the same.
void VirtioPci::SetDoorbellsLocked() {
  doorbells_.clear();
  if (!window_ || spaces_.vm == nullptr || !started_) return;
  for (size_t queue = 0; queue < kicks_.size(); ++queue) {
    if (!registers_.queues()[queue].enabled) continue;
    const base::GuestPhys at{window_->base + kNotifyPlace + kNotifyMultiplier * queue};
    auto doorbell = spaces_.vm->ConnectDoorbell(kicks_[queue], at);
    if (!doorbell) {
      return log_.Log(base::Level::kWarning, "{}: slow doorbells: {}", options_.name,
                      doorbell.error().message());
    }
    doorbells_.push_back(std::move(*doorbell));
  }
}

uint64_t VirtioPci::ReadBar(uint64_t offset, Width width) {
  DeviceCounters::Count(counters_.traps);
  const std::lock_guard lock(mutex_);
  return ReadBarLocked(offset, width);
}

void VirtioPci::WriteBar(uint64_t offset, Width width, uint64_t value) {
  DeviceCounters::Count(counters_.traps);
  Lock lock(mutex_);
  WriteBarLocked(lock, offset, width, value);
}

uint64_t VirtioPci::ReadBarLocked(uint64_t offset, Width width) {
  if (Within(offset, kCommonPlace)) return registers_.Read(offset - kCommonPlace, width);
  if (Within(offset, kIsrPlace)) return offset == kIsrPlace ? ReadIsrLocked() : 0;
  if (Within(offset, kConfigPlace)) return ReadDeviceConfigLocked(offset - kConfigPlace, width);
  if (Within(offset, kTablePlace)) return vectors_.msix().ReadTable(offset - kTablePlace, width);
  if (Within(offset, kPendingPlace)) return vectors_.ReadPending(offset - kPendingPlace, width);
  return 0;
}

void VirtioPci::WriteBarLocked(Lock& lock, uint64_t offset, Width width, uint64_t value) {
  if (Within(offset, kCommonPlace)) {
    WriteCommonLocked(lock, offset - kCommonPlace, width, value);
  } else if (Within(offset, kNotifyPlace)) {
    NotifyLocked(offset - kNotifyPlace);
  } else if (Within(offset, kConfigPlace)) {
    WriteDeviceConfigLocked(offset - kConfigPlace, width, value);
  } else if (Within(offset, kTablePlace)) {
    if (vectors_.msix().WriteTable(offset - kTablePlace, width, value)) vectors_.Sync();
  }
}

void VirtioPci::WriteCommonLocked(Lock& lock, uint64_t offset, Width width, uint64_t value) {
  if (resetting_) return;
  const RegisterEffect effect = registers_.Write(offset, width, value);
  using Kind = RegisterEffect::Kind;
  switch (effect.kind) {
    case Kind::kNone:
      if (offset == kQueueVectorOffset) RewireLocked();
      return;
    case Kind::kReset:
      return ResetLocked(lock, kResetPatience);
    case Kind::kStart:
      return StartLocked();
    case Kind::kQueueReset:
      return ResetQueueLocked(lock, effect.queue);
    case Kind::kQueueStart:
      return StartQueueLocked(effect.queue);
  }
}

void VirtioPci::NotifyLocked(uint64_t offset) {
  const uint64_t queue = offset / kNotifyMultiplier;
  if (queue >= kicks_.size() || offset % kNotifyMultiplier != 0 || !started_) return;
  static_cast<void>(kicks_[queue].Signal());
}

uint64_t VirtioPci::ReadDeviceConfigLocked(uint64_t offset, Width width) {
  registers_.NoteConfigRead();
  uint64_t value = 0;
  for (unsigned i = 0; i < static_cast<unsigned>(width); ++i) {
    if (offset + i < device_config_.size()) {
      value |= std::to_integer<uint64_t>(device_config_[offset + i]) << (8 * i);
    }
  }
  return value;
}

// A write that reaches beyond what is the driver's is none of a field (4.1.3.1).
void VirtioPci::WriteBytesLocked(uint64_t offset, Width width, uint64_t value) {
  const auto size = static_cast<unsigned>(width);
  const auto is_within = [&](const WritableByte& one) {
    return one.offset >= offset && one.offset - offset < size;
  };
  const std::vector<WritableByte>& writable = device_->model().writable;
  if (std::count_if(writable.begin(), writable.end(), is_within) != size) return;
  for (const WritableByte& one : writable) {
    if (!is_within(one)) continue;
    const auto byte = static_cast<uint8_t>(value >> (8 * (one.offset - offset)) & one.mask);
    device_config_[one.offset] = std::byte{byte};
    device_->SetConfigByte(one.offset, byte);
  }
}

void VirtioPci::ResetConfigLocked() {
  for (const WritableByte& one : device_->model().writable) {
    WriteBytesLocked(one.offset, Width::k1,
                     std::to_integer<uint8_t>(device_->model().config[one.offset]));
  }
}

// A guest that writes faster than they are handled loses some.
void VirtioPci::WriteDeviceConfigLocked(uint64_t offset, Width width, uint64_t value) {
  if (!resetting_) WriteBytesLocked(offset, width, value);
  if (!device_->model().config_writes || config_writes_ >= kMostConfigWrites) return;
  ++config_writes_;
  Post([this, offset, width, value] {
    Device* device = nullptr;
    {
      const std::lock_guard lock(mutex_);
      device = device_.get();
    }
    device->WriteConfig(offset, width, value);
    const std::lock_guard lock(mutex_);
    --config_writes_;
  });
}

void VirtioPci::ChangeConfig(std::span<const std::byte> config) {
  const std::lock_guard lock(mutex_);
  std::vector<std::byte> bytes(config.begin(), config.end());
  // These are the driver's.
  for (const WritableByte& one : device_->model().writable) {
    bytes[one.offset] = device_config_[one.offset];
  }
  if (bytes == device_config_) return;
  device_config_ = std::move(bytes);
  registers_.NoteChange();
  if (registers_.driver_ok()) InterruptLocked(kConfigInterrupt, registers_.config_vector());
}

uint64_t VirtioPci::ReadIsrLocked() { return std::exchange(isr_, uint8_t{0}); }

bool VirtioPci::PinLevelLocked() const {
  const bool disabled =
      (config_.Shadow(header::kCommand, Width::k2) & pci::kCommandIntxDisable) != 0;
  return isr_ != 0 && !disabled && !vectors_.msix().enabled();
}

// The line itself falls with the guest's end of the interrupt.
void VirtioPci::UpdatePinLocked() {
  if (!PinLevelLocked()) return;
  const bool first = vectors_.ends() == nullptr;
  if (const base::Status prepared = vectors_.PreparePin(); !prepared) {
    return log_.Log(base::Level::kError, "{}: interrupts by its pin do not work: {}", options_.name,
                    prepared.error().message());
  }
  if (first && vectors_.ends() != nullptr) {
    Post([this, ends = vectors_.ends()] { WatchPinEnds(ends); });
  }
  vectors_.RaisePin();
}

// The event lives until nobody waits for it.
void VirtioPci::WatchPinEnds(const std::shared_ptr<base::EventFd>& ends) {
  io_side_.pin_ends = Watch();
  if (ends == nullptr) return;
  auto watch = io_->loop().Add(ends->fd(), [this, ends] { OnPinEnd(*ends); });
  if (watch) io_side_.pin_ends = std::move(*watch);
}

void VirtioPci::OnPinEnd(const base::EventFd& ends) {
  static_cast<void>(ends.Take());
  const std::lock_guard lock(mutex_);
  UpdatePinLocked();
}

// Its bits tell drivers that poll, also with MSI-X.
void VirtioPci::InterruptLocked(uint8_t isr, uint16_t vector) {
  isr_ |= isr;
  if (vectors_.msix().enabled()) return vectors_.Signal(vector);
  UpdatePinLocked();
}

}  // namespace vmm::virtio
