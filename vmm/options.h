// What the user asked for: `vmm run` in values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/pci_address.h"
#include "vfio/dma_space.h"
#include "vmm/assigned/policy.h"

namespace vmm {

struct AssignRequest {
  sysfs::PciAddress host;
  std::optional<uint8_t> guest_slot;  // device number on the guest's bus 0, 1 to 31
  assigned::ConfigPolicy config = assigned::ConfigPolicy::kStandard;
};

struct Options {
  std::string kernel;  // empty: the running host's
  std::string
      initrd;  // empty: the generated one, when the kernel is the host's or a device is assigned
  std::string append;  // added to the command line
  unsigned cpus = 1;   // 1 to 32
  uint64_t memory_bytes = 512 * base::kMiB;
  std::vector<AssignRequest> assign;
  std::optional<std::string> exec;
  std::string console;  // file for the console; empty: the terminal
  vfio::Backend dma = vfio::Backend::kAuto;
  bool stats = false;  // print what the machine's life cost at its end
};

inline constexpr unsigned kMaxCpus = 32;

}  // namespace vmm
