// The emulated devices of a machine: disks and the rest that no card of the host serves.
//
// They share one thread and one ring of the kernel, which are there when there is a device. Each
// sits behind a root port of its own, as an assigned device does.
//
// Threads: everything from the thread that owns the machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vmm/emulated_request.h"
#include "vmm/memory.h"
#include "vmm/options.h"
#include "vmm/pci/host_bridge.h"
#include "vmm/stats.h"
#include "vmm/topology.h"
#include "vmm/virtio/blk/blk.h"
#include "vmm/virtio/blk/ring.h"
#include "vmm/virtio/io_thread.h"
#include "vmm/virtio/virtio_pci.h"

namespace vmm {

// A guest has broken a queue of its device, which waits for a reset.
struct QueueBroken {
  uint16_t queue = 0;
  std::string reason;
};
struct DeviceNotice {
  std::string id;
  std::variant<virtio::BlkFault, QueueBroken> what;
};
// From the devices' thread. At most one in a second for each device, but those that stop the
// machine.
using NoticeHandler = std::function<void(DeviceNotice notice)>;

class EmulatedDevices {
 public:
  // Opens and locks what they are made of. Everything that is given outlives them. A ring is made
  // for a machine that has a disk, or whose monitor may bring one: a confined thread makes none.
  static base::Result<std::unique_ptr<EmulatedDevices>> Create(
      base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
      const std::vector<PlannedEmulated>& plan, const GuestMemory& memory, NoticeHandler notice);
  EmulatedDevices(const EmulatedDevices&) = delete;
  EmulatedDevices& operator=(const EmulatedDevices&) = delete;
  // Waits for what the host still does for them; they have been disconnected.
  ~EmulatedDevices();

  struct Emulated {
    std::string id;
    uint8_t port = 0;  // devfn
    std::shared_ptr<virtio::VirtioPci> function;
    virtio::Blk* disk = nullptr;  // the function's, if it is one
  };
  const std::vector<Emulated>& all() const { return all_; }
  // disk0, or the first of its kind that nobody has.
  std::string FreeId(const EmulatedRequest& request) const;
  base::Result<std::shared_ptr<virtio::VirtioPci>> Add(const PlannedEmulated& planned);
  // The card of this port is out of the guest: the device, if it was one of these.
  std::optional<Emulated> Take(uint8_t port);
  // Waits for what the host does for it; then its file or link is free. From any thread.
  void End(Emulated taken);

  // Of all that were ever there.
  std::vector<EmulatedStats> stats() const;
  // The disk's new size, after its file was made so large; kNotFound, kTimedOut when the devices'
  // thread does not come to it, else as Blk::Resize.
  base::Result<uint64_t> ResizeDisk(const std::string& id, std::optional<uint64_t> bytes);
  // The machine goes on: what the host's storage has failed is tried again.
  void Retry();

 private:
  EmulatedDevices(base::Kernel& kernel, const sysfs::Tree& tree, const GuestMemory& memory,
                  NoticeHandler notice)
      : kernel_(&kernel), tree_(&tree), ram_(memory), notice_(std::move(notice)) {}
  base::Result<std::unique_ptr<virtio::Device>> Make(const EmulatedRequest& request);

  base::Kernel* kernel_;
  const sysfs::Tree* tree_;
  const virtio::GuestRam ram_;
  const NoticeHandler notice_;
  bool has_monitor_ = false;
  std::shared_ptr<virtio::BlkRing> ring_;
  std::unique_ptr<virtio::IoThread> io_;
  std::vector<Emulated> all_;
  std::vector<EmulatedStats> gone_;
};

}  // namespace vmm
