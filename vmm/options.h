// What the user asked for: `vmm run` in values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/pci_address.h"
#include "vfio/dma_space.h"
#include "vfio/handed_over.h"
#include "vfio/vf_token.h"
#include "vmm/assigned/policy.h"
#include "vmm/assigned/rom.h"
#include "vmm/confinement/confine.h"
#include "vmm/fallback/fallback.h"
#include "vmm/ram/pages.h"
#include "vmm/virtio/balloon/options.h"
#include "vmm/virtio/blk/image.h"
#include "vmm/virtio/net/options.h"

namespace vmm {

struct AssignRequest {
  sysfs::PciAddress host;
  std::optional<uint8_t> guest_slot;  // device number on the guest's bus 0, 1 to 31
  std::string id = {};                // for the monitor; empty: the host's address
  assigned::ConfigPolicy config = assigned::ConfigPolicy::kStandard;
  assigned::RomRequest rom = {};
  std::optional<vfio::VfToken> vf_token = {};
  std::optional<FallbackWish> fallback = {};
  // A virtual function that is not there, with a fallback: `host` is the physical one then.
  std::optional<base::Error> absent = {};
};
std::string IdOf(const AssignRequest& request);

struct Options {
  std::string kernel;  // empty: the running host's
  std::string
      initrd;  // empty: the generated one, when the kernel is the host's or a device is assigned
  std::string append;  // added to the command line
  unsigned cpus = 1;   // 1 to 32
  uint64_t memory_bytes = 512 * base::kMiB;
  Pages pages = Pages::kTransparent;
  bool mergeable = false;  // KSM may share equal pages with other machines (vmm/memory.h)
  std::vector<AssignRequest> assign;
  std::vector<virtio::BlkOptions> disks;
  std::vector<virtio::NetOptions> nets;
  std::vector<Fallback> fallbacks;  // of disks and nets: those that serve for a device
  bool rng = false;                 // a virtio-rng
  std::optional<virtio::BalloonOptions> balloon;
  unsigned hotplug_ports = 2;  // root ports without a device at the start, 0 to 30
  std::optional<std::string> exec;
  std::string console;          // file for the console; empty: the terminal
  bool virtio_console = false;  // the console is a virtio device's (hvc0), not COM1
  vfio::Backend dma = vfio::Backend::kAuto;
  std::vector<vfio::HandedOver> handed_over;  // descriptors that serve instead of opening
  std::string name;                           // control::CheckMachineName; empty: none
  std::string monitor;  // the monitor's socket; empty: by the name, or none without one
  confinement::Mode seccomp = confinement::Mode::kOn;
  bool managed = false;  // devices are taken from the host's drivers by Machine::Create's `acquire`
  bool stats = false;    // print what the machine's life cost at its end
};

inline constexpr unsigned kMaxCpus = 32;
inline constexpr unsigned kMostHotplugPorts = 30;

}  // namespace vmm
