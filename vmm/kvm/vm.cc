#include "vmm/kvm/vm.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "vmm/kvm/uapi.h"
#include "vmm/kvm/vm_state.h"

namespace vmm::kvm {
namespace {

// Three pages that Intel processors without unrestricted guest mode need; below the firmware area,
// in the hole of every layout.
constexpr uintptr_t kTssAddress = 0xfffbd000;

void LogFailedUndo(const base::Result<int>& result) {
  if (!result) base::Log(base::Level::kWarning, "{}", result.error().message());
}

}  // namespace

MemorySlot::MemorySlot(MemorySlot&& other) noexcept
    : vm_(std::exchange(other.vm_, nullptr)), slot_(other.slot_) {}

MemorySlot& MemorySlot::operator=(MemorySlot&& other) noexcept {
  std::swap(vm_, other.vm_);
  std::swap(slot_, other.slot_);
  return *this;
}

MemorySlot::~MemorySlot() {
  if (vm_ != nullptr) vm_->RemoveSlot(slot_);
}

Irqfd::Irqfd(Irqfd&& other) noexcept
    : vm_(std::exchange(other.vm_, nullptr)), event_(other.event_), gsi_(other.gsi_) {}

Irqfd& Irqfd::operator=(Irqfd&& other) noexcept {
  std::swap(vm_, other.vm_);
  std::swap(event_, other.event_);
  std::swap(gsi_, other.gsi_);
  return *this;
}

Irqfd::~Irqfd() {
  if (vm_ != nullptr) vm_->DisconnectIrqfd(event_, gsi_);
}

Doorbell::Doorbell(Doorbell&& other) noexcept
    : vm_(std::exchange(other.vm_, nullptr)), event_(other.event_), address_(other.address_) {}

Doorbell& Doorbell::operator=(Doorbell&& other) noexcept {
  std::swap(vm_, other.vm_);
  std::swap(event_, other.event_);
  std::swap(address_, other.address_);
  return *this;
}

Doorbell::~Doorbell() {
  if (vm_ != nullptr) vm_->DisconnectDoorbell(event_, address_);
}

class Vm::Key {};

Vm::Vm(Key, std::shared_ptr<const System> system, base::Fd vm)
    : system_(std::move(system)), vm_(std::move(vm)), state_(std::make_unique<State>()) {}

Vm::~Vm() = default;

base::Result<int> Vm::Ioctl(unsigned long request, void* argument, std::string_view name) const {
  return kernel().Ioctl(vm_, request, argument, name);
}

base::Result<std::unique_ptr<Vm>> Vm::Create(base::Kernel& kernel) {
  return Create(TRY(System::Open(kernel)));
}

base::Result<std::unique_ptr<Vm>> Vm::Create(std::shared_ptr<const System> system) {
  base::Kernel& kernel = system->kernel();
  auto raw = kernel.Ioctl(system->fd(), KVM_CREATE_VM, nullptr, "KVM_CREATE_VM");
  if (!raw && raw.error().err() == EBUSY) {
    return base::Failure(std::move(raw.error())
                             .WithCode(base::Code::kInUse)
                             .WithHint("another hypervisor holds the processor's virtualisation: "
                                       "end its machines or unload its modules"));
  }
  base::Fd fd(TRY(std::move(raw)));
  auto vm = std::make_unique<Vm>(Key(), std::move(system), std::move(fd));
  // Where it is refused nobody needs it.
  const auto tss =
      vm->Ioctl(KVM_SET_TSS_ADDR, reinterpret_cast<void*>(kTssAddress), "KVM_SET_TSS_ADDR");
  if (!tss) base::Log(base::Level::kDebug, "{}", tss.error().message());
  return vm;
}

base::Result<MemorySlot> Vm::MapMemory(base::GuestPhys guest, std::span<std::byte> memory,
                                       SlotAccess access) {
  const std::lock_guard lock(state_->mutex);
  const uint32_t slot = TRY(state_->slots.Take({guest.value, memory.size()}));
  kvm_userspace_memory_region region{};
  region.slot = slot;
  region.flags = access == SlotAccess::kReadOnly ? KVM_MEM_READONLY : 0;
  region.guest_phys_addr = guest.value;
  region.memory_size = memory.size();
  region.userspace_addr = reinterpret_cast<uintptr_t>(memory.data());
  auto result = Ioctl(KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
  if (!result) {
    state_->slots.Release(slot);
    return base::Failure(
        std::move(result.error())
            .With(fmt::format("memory slot at {:#x} of {:#x} bytes", guest.value, memory.size())));
  }
  return MemorySlot(this, slot);
}

void Vm::RemoveSlot(uint32_t slot) {
  const std::lock_guard lock(state_->mutex);
  kvm_userspace_memory_region region{};
  region.slot = slot;
  LogFailedUndo(Ioctl(KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION (remove)"));
  state_->slots.Release(slot);
}

base::Status Vm::CreateInterruptController() {
  TRY(Ioctl(KVM_CREATE_IRQCHIP, nullptr, "KVM_CREATE_IRQCHIP"));
  kvm_pit_config pit{};
  pit.flags = KVM_PIT_SPEAKER_DUMMY;  // port 0x61 is answered in the kernel
  TRY(Ioctl(KVM_CREATE_PIT2, &pit, "KVM_CREATE_PIT2"));
  const std::lock_guard lock(state_->mutex);
  return SetRoutesLocked();
}

base::Result<base::Fd> Vm::CreateVcpu(uint32_t id) {
  return base::Fd(
      TRY(Ioctl(KVM_CREATE_VCPU, reinterpret_cast<void*>(uintptr_t{id}), "KVM_CREATE_VCPU")));
}

base::Status Vm::SetLine(uint32_t gsi, bool level) {
  kvm_irq_level line{};
  line.irq = gsi;
  line.level = level ? 1 : 0;
  TRY(Ioctl(KVM_IRQ_LINE, &line, "KVM_IRQ_LINE"));
  return {};
}

base::Status Vm::TellVfioLocked(uint64_t which, int fd, std::string_view name) {
  auto file = static_cast<int32_t>(fd);
  kvm_device_attr attribute{};
  attribute.group = KVM_DEV_VFIO_FILE;
  attribute.attr = which;
  attribute.addr = reinterpret_cast<uintptr_t>(&file);
  TRY(kernel().Ioctl(state_->vfio_device, KVM_SET_DEVICE_ATTR, &attribute, name));
  return {};
}

base::Status Vm::LinkVfio(int fd) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->vfio_device.valid()) {
    kvm_create_device device{};
    device.type = KVM_DEV_TYPE_VFIO;
    TRY(Ioctl(KVM_CREATE_DEVICE, &device, "KVM_CREATE_DEVICE (VFIO)"));
    state_->vfio_device = base::Fd(static_cast<int>(device.fd));
  }
  return TellVfioLocked(KVM_DEV_VFIO_FILE_ADD, fd, "KVM_DEV_VFIO_FILE_ADD");
}

base::Status Vm::UnlinkVfio(int fd) {
  const std::lock_guard lock(state_->mutex);
  return TellVfioLocked(KVM_DEV_VFIO_FILE_DEL, fd, "KVM_DEV_VFIO_FILE_DEL");
}

base::Result<Doorbell> Vm::ConnectDoorbell(const base::EventFd& event, base::GuestPhys address) {
  kvm_ioeventfd doorbell{};
  doorbell.addr = address.value;
  doorbell.fd = event.fd().raw();
  auto result = Ioctl(KVM_IOEVENTFD, &doorbell, "KVM_IOEVENTFD");
  if (!result) {
    return base::Failure(
        std::move(result.error()).With(fmt::format("doorbell at {:#x}", address.value)));
  }
  return Doorbell(this, event.fd().raw(), address);
}

void Vm::DisconnectDoorbell(int event, base::GuestPhys address) {
  kvm_ioeventfd doorbell{};
  doorbell.addr = address.value;
  doorbell.fd = event;
  doorbell.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
  LogFailedUndo(Ioctl(KVM_IOEVENTFD, &doorbell, "KVM_IOEVENTFD (remove)"));
}

}  // namespace vmm::kvm
