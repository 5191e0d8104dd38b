// The first segment descriptors: flat code and data, and a task state segment that KVM on Intel
// wants to be there (Intel SDM 3A, 3.4.5).
#pragma once

#include <cstddef>
#include <vector>

#include "vmm/boot/boot.h"

namespace vmm::boot {

// For kLinux64 the code segment is a 64-bit one, for kPvh a 32-bit one. The selectors are those of
// boot.h. Pure.
std::vector<std::byte> SegmentTable(Protocol protocol);

}  // namespace vmm::boot
