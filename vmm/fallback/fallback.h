// A device of the host that cannot be assigned, and the virtio device that serves instead, because
// its user said `fallback=virtio`. Never without that word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"

namespace vmm {

// What the user allows.
struct FallbackWish {
  std::string node;  // "nvme0n1", "eth1": one of the device's several; empty: the only one
};

enum class FallbackKind : uint8_t { kDisk, kNet };

// What has become of it.
struct Fallback {
  sysfs::PciAddress host;
  std::string id;   // of the request; the virtio device has it too
  base::Error why;  // not assigned
  FallbackKind kind = FallbackKind::kDisk;
  size_t index = 0;          // in Options::disks or Options::nets
  std::string instead = {};  // "virtio-blk on /dev/nvme0n1"
  std::string means = {};    // what is different for guest and host
};

// One line: what, why, what serves instead, what it means.
std::string FallbackText(const Fallback& fallback);

}  // namespace vmm
