// The one include of the kernel's KVM interface, and what older headers lack of it.
//
// A fresh Debian 12 has the headers of Linux 6.1; values are those of Documentation/virt/kvm.
#pragma once

#include <linux/kvm.h>

#include <cstdint>

namespace vmm::kvm {

// Structures that end in an array: what stands before its entries. Linux 6.1 declares such arrays
// with an empty structure in front, which has a size in C++ but none in C: the whole structure, and
// with it the number of the request, comes out wrong there.
struct CpuidHeader {  // struct kvm_cpuid2
  uint32_t nent;
  uint32_t padding;
};
struct MsrsHeader {  // struct kvm_msrs
  uint32_t nmsrs;
  uint32_t pad;
};
struct RoutingHeader {  // struct kvm_irq_routing
  uint32_t nr;
  uint32_t flags;
};
inline constexpr unsigned long kGetSupportedCpuid = _IOWR(KVMIO, 0x05, CpuidHeader);
inline constexpr unsigned long kSetCpuid2 = _IOW(KVMIO, 0x90, CpuidHeader);
inline constexpr unsigned long kSetMsrs = _IOW(KVMIO, 0x89, MsrsHeader);
inline constexpr unsigned long kSetGsiRouting = _IOW(KVMIO, 0x6a, RoutingHeader);
static_assert(kGetSupportedCpuid == 0xc008ae05);
static_assert(kSetCpuid2 == 0x4008ae90);
static_assert(kSetMsrs == 0x4008ae89);
static_assert(kSetGsiRouting == 0x4008ae6a);

}  // namespace vmm::kvm

// Linux 6.6 renamed the group attributes of the KVM-VFIO device to files; the numbers stayed.
#ifndef KVM_DEV_VFIO_FILE
#define KVM_DEV_VFIO_FILE 1
#define KVM_DEV_VFIO_FILE_ADD 1
#define KVM_DEV_VFIO_FILE_DEL 2
#endif

static_assert(sizeof(kvm_userspace_memory_region) == 32);
static_assert(sizeof(kvm_irqfd) == 32);
static_assert(sizeof(kvm_ioeventfd) == 64);
static_assert(sizeof(kvm_irq_routing_entry) == 48);
static_assert(sizeof(kvm_cpuid_entry2) == 40);
static_assert(sizeof(kvm_device_attr) == 24);
