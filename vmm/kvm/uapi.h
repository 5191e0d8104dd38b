// The one include of the kernel's KVM interface, and what older headers lack of it.
//
// A fresh Debian 12 has the headers of Linux 6.1; values are those of Documentation/virt/kvm.
#pragma once

#include <linux/kvm.h>

// Linux 6.6 renamed the group attributes of the KVM-VFIO device to files; the numbers stayed.
#ifndef KVM_DEV_VFIO_FILE
#define KVM_DEV_VFIO_FILE 1
#define KVM_DEV_VFIO_FILE_ADD 1
#define KVM_DEV_VFIO_FILE_DEL 2
#endif

static_assert(sizeof(kvm_userspace_memory_region) == 32);
static_assert(sizeof(kvm_irqfd) == 32);
static_assert(sizeof(kvm_irq_routing_entry) == 48);
static_assert(sizeof(kvm_cpuid_entry2) == 40);
static_assert(sizeof(kvm_device_attr) == 24);
