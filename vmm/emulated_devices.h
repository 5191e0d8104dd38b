// The emulated devices of a machine: disks and the rest that no card of the host serves.
//
// They share one thread, which is there when there is a device. Each sits behind a root port of its
// own, as an assigned device does.
//
// Threads: everything from the thread that owns the machine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vmm/memory.h"
#include "vmm/options.h"
#include "vmm/pci/host_bridge.h"
#include "vmm/stats.h"
#include "vmm/topology.h"
#include "vmm/virtio/io_thread.h"
#include "vmm/virtio/net/macvtap.h"
#include "vmm/virtio/virtio_pci.h"

namespace vmm {

class EmulatedDevices {
 public:
  // Opens and locks what they are made of. The memory outlives them.
  static base::Result<std::unique_ptr<EmulatedDevices>> Create(
      base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
      const std::vector<PlannedEmulated>& plan, const GuestMemory& memory);
  EmulatedDevices(const EmulatedDevices&) = delete;
  EmulatedDevices& operator=(const EmulatedDevices&) = delete;
  // Waits for what the host still does for them; they have been disconnected.
  ~EmulatedDevices();

  struct Emulated {
    std::string id;
    uint8_t port = 0;  // devfn
    std::shared_ptr<virtio::VirtioPci> function;
  };
  const std::vector<Emulated>& all() const { return all_; }
  // Of those that are there.
  std::vector<EmulatedStats> stats() const;
  // The card of this port is out of the guest: its id, if it was one of these.
  std::optional<std::string> Close(uint8_t port);

 private:
  explicit EmulatedDevices(const GuestMemory& memory) : ram_(memory) {}
  base::Status Add(base::Kernel& kernel, const Options& options, const PlannedEmulated& planned);
  base::Result<std::unique_ptr<virtio::Device>> MakeDevice(base::Kernel& kernel,
                                                           const Options& options,
                                                           const PlannedEmulated& planned);

  const virtio::GuestRam ram_;
  std::map<std::string, virtio::Macvtap> macvtaps_;  // by the device's id; gone with it
  std::unique_ptr<virtio::IoThread> io_;
  std::vector<Emulated> all_;
  std::vector<std::shared_ptr<virtio::VirtioPci>> closed_;  // with something in progress
};

}  // namespace vmm
