#include "tests/support/fake_kvm.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace test {
namespace {

template <class T>
T& As(void* argument) {
  return *static_cast<T*>(argument);
}

template <class T>
const std::byte* Behind(const T& header) {
  return reinterpret_cast<const std::byte*>(&header) + sizeof(T);
}

template <class Entry, class Header>
std::vector<Entry> Entries(const Header& header, size_t count) {
  std::vector<Entry> entries(count);
  std::memcpy(entries.data(), Behind(header), count * sizeof(Entry));
  return entries;
}

}  // namespace

FakeKvm::FakeKvm() {
  kvm_cpuid_entry2 entry{};
  entry.eax = 0xd;
  cpuid.push_back(entry);
  entry.function = 1;
  cpuid.push_back(entry);
}

int FakeKvm::NewDescriptor(size_t size) {
  // What nobody maps is a descriptor of nothing, which is made in a fifth of the time.
  static const int nothing = ::eventfd(0, EFD_CLOEXEC);
  if (size == 0) return ::fcntl(nothing, F_DUPFD_CLOEXEC, 0);
  const int raw = ::memfd_create("fake kvm", MFD_CLOEXEC);
  if (::ftruncate(raw, static_cast<off_t>(size)) != 0) return -errno;
  return raw;
}

base::Result<base::Fd> FakeKvm::Open(const std::string& path, int) {
  if (open_error != 0) return base::FailErrno(path, open_error);
  return base::Fd(NewDescriptor(0));
}

std::vector<std::string> FakeKvm::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void FakeKvm::ClearCalls() {
  const std::lock_guard lock(mutex_);
  calls_.clear();
}

base::Result<int> FakeKvm::Ioctl(const base::Fd& fd, unsigned long request, void* argument,
                                 std::string_view name) {
  int result = 0;
  if (request == KVM_RUN) {
    result = Run(fd);
  } else {
    const std::lock_guard lock(mutex_);
    calls_.emplace_back(name.substr(0, name.find(' ')));
    const bool fails = static_cast<int>(calls_.size()) - 1 == fail_at_;
    result = fails ? -EIO : Handle(request, argument);
  }
  if (result < 0) return base::FailErrno(name, -result);
  return result;
}

int FakeKvm::Run(const base::Fd& fd) {
  unsigned vcpu = 0;
  {
    const std::lock_guard lock(mutex_);
    vcpu = vcpus_.at(fd.raw());
  }
  void* area = ::mmap(nullptr, kVcpuMapBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.raw(), 0);
  if (area == MAP_FAILED) return -errno;
  const int result = on_run ? on_run(vcpu, As<kvm_run>(area)) : EINTR;
  ::munmap(area, kVcpuMapBytes);
  return -result;
}

int FakeKvm::Handle(unsigned long request, void* argument) {
  switch (request) {
    case KVM_GET_API_VERSION:
      return api_version;
    case KVM_CHECK_EXTENSION:
      return 1;
    case KVM_GET_VCPU_MMAP_SIZE:
      return kVcpuMapBytes;
    case vmm::kvm::kGetSupportedCpuid: {
      auto& reply = As<vmm::kvm::CpuidHeader>(argument);
      if (reply.nent < cpuid.size()) return -E2BIG;
      reply.nent = static_cast<uint32_t>(cpuid.size());
      std::memcpy(const_cast<std::byte*>(Behind(reply)), cpuid.data(),
                  cpuid.size() * sizeof(kvm_cpuid_entry2));
      return 0;
    }
    case KVM_CREATE_VM:
      return NewDescriptor(0);
    case KVM_CREATE_VCPU: {
      const int raw = NewDescriptor(kVcpuMapBytes);
      vcpus_[raw] = static_cast<unsigned>(reinterpret_cast<uintptr_t>(argument));
      return raw;
    }
    case KVM_CREATE_DEVICE:
      As<kvm_create_device>(argument).fd = static_cast<uint32_t>(NewDescriptor(0));
      return 0;
    case KVM_SET_DEVICE_ATTR: {
      int file = -1;
      std::memcpy(&file, reinterpret_cast<void*>(As<kvm_device_attr>(argument).addr), sizeof file);
      vfio_files.push_back(file);
      return 0;
    }
    case KVM_SET_USER_MEMORY_REGION: {
      const auto& region = As<kvm_userspace_memory_region>(argument);
      if (region.memory_size == 0) return slots.erase(region.slot) == 1 ? 0 : -EINVAL;
      return slots.emplace(region.slot, region).second ? 0 : -EEXIST;
    }
    case vmm::kvm::kSetGsiRouting: {
      const auto& table = As<vmm::kvm::RoutingHeader>(argument);
      routes = Entries<kvm_irq_routing_entry>(table, table.nr);
      return 0;
    }
    case KVM_IRQFD: {
      const auto& irqfd = As<kvm_irqfd>(argument);
      if ((irqfd.flags & KVM_IRQFD_FLAG_DEASSIGN) != 0) {
        resamples.erase(irqfd.fd);
        return irqfds.erase(irqfd.fd) == 1 ? 0 : -EINVAL;
      }
      if ((irqfd.flags & KVM_IRQFD_FLAG_RESAMPLE) != 0) resamples[irqfd.fd] = irqfd.resamplefd;
      return irqfds.emplace(irqfd.fd, irqfd.gsi).second ? 0 : -EBUSY;
    }
    case KVM_IOEVENTFD: {
      const auto& doorbell = As<kvm_ioeventfd>(argument);
      if ((doorbell.flags & KVM_IOEVENTFD_FLAG_DEASSIGN) != 0)
        return doorbells.erase(doorbell.addr) == 1 ? 0 : -ENOENT;
      return doorbells.emplace(doorbell.addr, doorbell.fd).second ? 0 : -EEXIST;
    }
    case KVM_SIGNAL_MSI:
      messages.push_back(As<kvm_msi>(argument));
      return 1;
    case KVM_IRQ_LINE:
      lines.emplace_back(As<kvm_irq_level>(argument).irq, As<kvm_irq_level>(argument).level != 0);
      return 0;
    case KVM_SET_TSS_ADDR:
    case KVM_CREATE_IRQCHIP:
    case KVM_CREATE_PIT2:
      return 0;
    default:
      return HandleVcpu(request, argument);
  }
}

int FakeKvm::HandleVcpu(unsigned long request, void* argument) {
  switch (request) {
    case vmm::kvm::kSetCpuid2: {
      const auto& table = As<vmm::kvm::CpuidHeader>(argument);
      vcpu_cpuid = Entries<kvm_cpuid_entry2>(table, table.nent);
      return 0;
    }
    case vmm::kvm::kSetMsrs: {
      const auto& table = As<vmm::kvm::MsrsHeader>(argument);
      for (const auto& entry : Entries<kvm_msr_entry>(table, table.nmsrs))
        model_registers[entry.index] = entry.data;
      return static_cast<int>(table.nmsrs);
    }
    case KVM_GET_LAPIC:
      As<kvm_lapic_state>(argument) = lapic;
      return 0;
    case KVM_SET_LAPIC:
      lapic = As<kvm_lapic_state>(argument);
      return 0;
    case KVM_GET_SREGS:
      As<kvm_sregs>(argument) = system;
      return 0;
    case KVM_SET_SREGS:
      system = As<kvm_sregs>(argument);
      return 0;
    case KVM_GET_REGS:
      As<kvm_regs>(argument) = general;
      return 0;
    case KVM_SET_REGS:
      general = As<kvm_regs>(argument);
      return 0;
    default:
      return -ENOTTY;
  }
}

}  // namespace test
