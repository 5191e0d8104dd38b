#include "vmm/kvm/system.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstring>

#include "vmm/kvm/flexible.h"
#include "vmm/kvm/uapi.h"

namespace vmm::kvm {
namespace {

constexpr const char* kPath = "/dev/kvm";
constexpr size_t kMaxCpuidEntries = 256;  // KVM_MAX_CPUID_ENTRIES

base::Failure ExplainOpen(base::Error error) {
  if (error.code() == base::Code::kNotFound) {
    return base::Failure(std::move(error)
                             .WithCode(base::Code::kUnsupported)
                             .WithHint("load kvm_intel or kvm_amd, and turn virtualisation on in "
                                       "the firmware's setup"));
  }
  if (error.code() == base::Code::kDenied) {
    return base::Failure(
        std::move(error).WithHint("run as root, or give this user access to /dev/kvm (group kvm)"));
  }
  return base::Failure(std::move(error));
}

base::Result<std::vector<CpuidEntry>> ReadSupportedCpuid(base::Kernel& kernel, const base::Fd& fd) {
  Flexible<CpuidHeader, kvm_cpuid_entry2> reply(kMaxCpuidEntries);
  reply.header().nent = kMaxCpuidEntries;
  TRY(kernel.Ioctl(fd, kGetSupportedCpuid, reply.data(), "KVM_GET_SUPPORTED_CPUID"));
  std::vector<CpuidEntry> entries;
  for (size_t i = 0; i < std::min<size_t>(reply.header().nent, kMaxCpuidEntries); ++i) {
    const kvm_cpuid_entry2 raw = reply.Get(i);
    entries.push_back({raw.function, raw.index, (raw.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0,
                       raw.eax, raw.ebx, raw.ecx, raw.edx});
  }
  return entries;
}

}  // namespace

class System::Key {};

System::System(Key, base::Kernel& kernel, base::Fd fd) : kernel_(&kernel), fd_(std::move(fd)) {}

base::Result<std::shared_ptr<const System>> System::Open(base::Kernel& kernel) {
  auto fd = kernel.Open(kPath, O_RDWR);
  if (!fd) return ExplainOpen(std::move(fd.error()));
  auto system = std::make_shared<System>(Key(), kernel, std::move(*fd));
  TRY(system->Ask());
  return std::shared_ptr<const System>(std::move(system));
}

base::Status System::Ask() {
  const int version = TRY(kernel_->Ioctl(fd_, KVM_GET_API_VERSION, nullptr, "KVM_GET_API_VERSION"));
  if (version != KVM_API_VERSION) {
    return base::Fail(base::Code::kUnsupported, fmt::format("{}: API version {}, wanted {}", kPath,
                                                            version, KVM_API_VERSION));
  }
  // The other capabilities in use are part of every kernel since Linux 4.13.
  tsc_deadline_timer_ =
      TRY(kernel_->Ioctl(fd_, KVM_CHECK_EXTENSION,
                         reinterpret_cast<void*>(uintptr_t{KVM_CAP_TSC_DEADLINE_TIMER}),
                         "KVM_CHECK_EXTENSION")) > 0;
  const int bytes =
      TRY(kernel_->Ioctl(fd_, KVM_GET_VCPU_MMAP_SIZE, nullptr, "KVM_GET_VCPU_MMAP_SIZE"));
  if (bytes < static_cast<int>(sizeof(kvm_run))) {
    return base::Fail(base::Code::kUnsupported,
                      fmt::format("{}: a vCPU's shared area of {} bytes", kPath, bytes));
  }
  vcpu_map_bytes_ = static_cast<size_t>(bytes);
  cpuid_ = TRY(ReadSupportedCpuid(*kernel_, fd_));
  return {};
}

}  // namespace vmm::kvm
