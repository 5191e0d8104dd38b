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
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vmm/dma_ram.h"
#include "vmm/emulated_request.h"
#include "vmm/memory.h"
#include "vmm/options.h"
#include "vmm/pci/host_bridge.h"
#include "vmm/stats.h"
#include "vmm/topology.h"
#include "vmm/virtio/balloon/balloon.h"
#include "vmm/virtio/blk/blk.h"
#include "vmm/virtio/blk/ring.h"
#include "vmm/virtio/console/console.h"
#include "vmm/virtio/io_thread.h"
#include "vmm/virtio/net/macvtap.h"
#include "vmm/virtio/net/net.h"
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

// What a balloon works with: the RAM outlives the devices.
struct BalloonSetup {
  DmaRam* ram = nullptr;
  virtio::Balloon::Wiring wiring;
};

class EmulatedDevices {
 public:
  // Everything outlives them.
  struct Wiring {
    base::Kernel* kernel = nullptr;
    const sysfs::Tree* tree = nullptr;
    const GuestMemory* memory = nullptr;
    NoticeHandler notice;
    BalloonSetup balloon;
    // A driver has set up a network device that stands by; from the devices' thread.
    std::function<void(const std::string& id, bool knows)> driver_came = {};
    // What the machine's console is made of, for a machine that has one among its devices.
    std::function<base::Result<virtio::ConsoleOptions>()> console = {};
    // A device's reset has ended; from the devices' thread.
    std::function<void()> was_reset = {};
  };
  // Opens and locks what they are made of. A ring is made for a machine that has a disk, or whose
  // monitor may bring one, and the devices' thread with it: a confined thread makes no ring, and a
  // thread that it makes is confined as it is.
  static base::Result<std::unique_ptr<EmulatedDevices>> Create(
      Wiring wiring, const Options& options, const std::vector<PlannedEmulated>& plan);
  EmulatedDevices(const EmulatedDevices&) = delete;
  EmulatedDevices& operator=(const EmulatedDevices&) = delete;
  // Waits for what the host still does for them; they have been disconnected.
  ~EmulatedDevices();

  struct Emulated {
    std::string id;
    uint8_t port = 0;                          // devfn
    std::shared_ptr<virtio::Macvtap> macvtap;  // made for it; outlives it
    std::shared_ptr<virtio::VirtioPci> function;
    virtio::Blk* disk = nullptr;  // the function's, if it is one
    virtio::Balloon* balloon = nullptr;
    virtio::Net* net = nullptr;
    virtio::Console* console = nullptr;  // if it is the machine's
  };
  const std::vector<Emulated>& all() const { return all_; }
  // Whether no device's reset waits for requests in progress on the host, of those that leave too.
  bool quiet() const;
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
  // Run soon on the devices' thread. Nothing without such a network device.
  void SetLink(const std::string& id, bool up) const;
  void Announce(const std::string& id) const;
  // How many of these bytes, from the front, the machine's console takes. Nothing without one.
  std::optional<size_t> ConsoleInput(std::span<const uint8_t> bytes) const;
  // Its terminal's size from now on. Nothing without one.
  void ResizeConsole(uint16_t columns, uint16_t rows) const;
  // The machine goes on: what the host's storage has failed is tried again.
  void Retry();
  // Nothing without one.
  std::optional<virtio::BalloonState> balloon() const;
  // Runs soon on the devices' thread, if there is one.
  void WithBalloon(std::function<void(virtio::Balloon&)> function) const;
  // After Disconnect: returns when it has let go of guest RAM.
  void DrainBalloon() const;

 private:
  EmulatedDevices(Wiring wiring, const Options& options);
  struct Made {
    std::unique_ptr<virtio::Device> device;
    std::shared_ptr<virtio::Macvtap> macvtap;
  };
  base::Result<Made> Make(const EmulatedRequest& request, const std::string& id);
  base::Result<Made> MakeNet(const virtio::NetOptions& request);
  base::Result<Made> MakeBalloon(const virtio::BalloonOptions& request, const std::string& id);
  base::Result<Made> MakeConsole(const ConsoleRequest& request);
  const Emulated* FindBalloon() const;
  const Emulated* FindConsole() const;
  void WithNet(const std::string& id, std::function<void(virtio::Net&)> function) const;

  const Wiring wiring_;
  const virtio::GuestRam ram_;
  const bool has_monitor_;
  const bool assigns_;      // devices, from the start
  const bool has_balloon_;  // from the start: RAM is mapped for one
  const uint64_t memory_bytes_;
  bool started_ = false;  // what the start brings is there
  std::shared_ptr<virtio::BlkRing> ring_;
  std::unique_ptr<virtio::IoThread> io_;
  std::vector<Emulated> all_;
  std::vector<std::weak_ptr<virtio::VirtioPci>> leaving_;  // until they have ended
  std::vector<EmulatedStats> gone_;
};

}  // namespace vmm
