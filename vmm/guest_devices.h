// The devices of a machine on its PCI buses, assigned and emulated: how they come, how they leave a
// guest that runs, and what happens when the host wants one back or one fails.
//
// A device behind a root port is asked of the guest (the slot's button) and taken away when the
// guest does not answer in time; the machine goes on without it. One on bus 0 cannot be asked of
// the guest: it is only ever taken.
//
// Threads: everything from the thread that runs the event loop.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "sysfs/iommu_fault.h"
#include "sysfs/tree.h"
#include "vmm/assignment.h"
#include "vmm/dma_ram.h"
#include "vmm/emulated_devices.h"
#include "vmm/event_loop.h"
#include "vmm/memory.h"
#include "vmm/options.h"
#include "vmm/pci/host_bridge.h"
#include "vmm/plan.h"
#include "vmm/port_waits.h"
#include "vmm/standby_pairs.h"
#include "vmm/stats.h"
#include "vmm/thread.h"

namespace vmm {

// How long a guest has to let go of a device.
inline constexpr std::chrono::seconds kLeaveTime{30};
// When the host wants it back its unbind waits for us; a guest's driver waits five seconds first.
inline constexpr std::chrono::seconds kGiveBackTime{10};

class GuestDevices {
 public:
  // What outlives it, and how it reaches the machine of the moment.
  struct Wiring {
    base::Kernel* kernel = nullptr;
    const sysfs::Tree* tree = nullptr;
    EventLoop* loop = nullptr;
    vfio::KvmLink link;
    vfio::KvmLink unlink;
    // Returns when guest RAM may be mapped for the devices of the start.
    std::function<base::Status()> populated;
    // A device has left, by the guest's hand or `forced`.
    std::function<void(const std::string& id, bool forced)> gone;
    // The guest has not let go of a device in its time, and keeps it.
    std::function<void(const std::string& id)> kept;
    // Something that an emulated device tells.
    std::function<void(const DeviceNotice& notice)> notice;
    // The guest has given pages to its balloon or has some back.
    std::function<void()> balloon_changed;
    // It waits for pages that cannot be mapped for its devices.
    std::function<void(const base::Error& why)> balloon_stuck;
    // It has pages that cannot be: it must not go on.
    std::function<void(const base::Error& why)> ram_lost;
    // May be null: then no device is a standby's primary.
    PrimaryAddresses* addresses = nullptr;
    // A guest's driver stands by for an assigned device.
    std::function<void(const StandbyPair& pair)> negotiated;
    // As EmulatedDevices has it.
    std::function<base::Result<virtio::ConsoleOptions>()> console = {};
    std::function<void()> was_reset = {};
  };

  // Primaries of standbys are outside until the guest's driver asks for them.
  static base::Result<std::unique_ptr<GuestDevices>> Create(Wiring wiring, const Options& options,
                                                            const MachinePlan& plan,
                                                            const GuestMemory& memory,
                                                            std::shared_ptr<IoDevice> reset_port);
  GuestDevices(const GuestDevices&) = delete;
  GuestDevices& operator=(const GuestDevices&) = delete;
  ~GuestDevices() = default;

  pci::HostBridge& bridge() { return *bridge_; }
  // For a reboot, after the bridge was disconnected. A device that does not come back from its
  // reset is put into quarantine: out of the guest, with a message; the machine lives.
  base::Status Restart();

  // Opens the device and plugs it into a free port, or into that of this number. kUnfit when it is
  // not free, kUsage when the machine has the id or the device.
  base::Status Add(const AssignRequest& request, std::optional<uint8_t> port_number = {});
  // The same, told by the event loop afterwards: for the first device guest RAM is pinned, by
  // another thread. One after another, in the order of the calls.
  using Done = std::function<void(const base::Status& done)>;
  void AddLater(AssignRequest request, std::optional<uint8_t> port_number, Done done);
  // The same with an emulated device; without an id it is named by its kind: disk0.
  base::Status Add(const EmulatedRequest& request, std::string id,
                   std::optional<uint8_t> port_number = {});
  // Asks the guest; `gone` tells when it is done, after `patience` at the latest. With none the
  // device is taken at once. With kKeep it stays when the guest does not let go, as `kept` tells.
  // kNotFound; kUnfit when the guest cannot be asked for it.
  base::Status Remove(const std::string& id, std::chrono::seconds patience,
                      PortWaits::AtEnd at_end = PortWaits::AtEnd::kTake);
  struct BalloonView {
    virtio::BalloonState balloon;
    DmaRam::State ram;
    std::vector<std::string> devices;  // the assigned ones
  };
  // kNotFound without one.
  base::Result<BalloonView> balloon() const;
  // The guest is to give so many pages. kNotFound; kUnfit when it has no driver for it.
  base::Status SetBalloon(uint64_t pages);
  void AskForStatistics();
  // The machine ends, and no processor runs: guest RAM stays as it is.
  void CloseRam();
  // The end, when no board is left: closes all devices. Returns those that did not come back.
  std::vector<LostDevice> CloseAll();

  // Ids by host address, as functions of the bridge are named.
  std::map<std::string, std::string> ids() const;

  size_t assigned_count() const { return plugged_.size(); }
  struct Known {
    std::string id;
    std::string name;  // the host's address
    bool operator==(const Known&) const = default;
  };
  // Counts the fault for its device; nothing when that is not of this machine. With devices of
  // several PCI domains a line that names none is counted for the first that it fits.
  std::optional<Known> NoteFault(const sysfs::IommuFault& fault);
  // Of assigned devices, by id.
  std::map<std::string, assigned::AssignedCounters> counters() const;
  std::vector<StandbyState> standbys() const {
    return standby_ ? standby_->states() : std::vector<StandbyState>();
  }

  // Of all that were ever there.
  std::vector<DeviceStats> stats() const;
  EmulatedDevices& emulated() { return *emulated_; }
  std::vector<EmulatedStats> emulated_stats() const { return emulated_->stats(); }
  unsigned dma_maps() const { return assignment_->dma_maps(); }

 private:
  using CardFunctions = std::map<uint8_t, std::shared_ptr<assigned::AssignedDevice>>;
  struct Plugged {
    std::shared_ptr<assigned::AssignedDevice> device;
    std::optional<uint8_t> port;  // nothing: on bus 0
    uint8_t devfn = 0;            // there
    std::string id;
    std::vector<vmm::Watch> watches;
  };

  GuestDevices(Wiring wiring, const MachinePlan& plan, const GuestMemory& memory, Pages pages)
      : wiring_(std::move(wiring)),
        plan_(&plan),
        page_bytes_(PageBytes(pages)),
        ram_(memory, plan.dma_block_bytes) {}
  base::Status PlugAll();
  base::Status PairStandbys();
  // What has been chosen for a device on its way in.
  struct Place {
    PlannedDevice device;
    uint8_t port = 0;
  };
  base::Status Plug(const AssignRequest& request, std::optional<uint8_t> port_number);
  base::Result<Place> Prepare(const AssignRequest& request, std::optional<uint8_t> port_number);
  base::Status Finish(const Place& place, Assignment::Opened opened);
  void StartNext();
  // The device on its way in is there, or has failed.
  void EndOpening();
  BalloonSetup SetUpBalloon();
  base::Status Watch(Plugged& plugged);
  const Plugged* Find(const sysfs::PciAddress& device) const;
  std::optional<uint8_t> PortOf(const std::string& id) const;
  bool IsKnown(const std::string& id) const;
  // The card goes into the port when the guest has seen it empty.
  void NoteCard(uint8_t port);
  base::Result<uint8_t> ChoosePort(const std::string& id, std::optional<uint8_t> number) const;
  void OnWanted(const sysfs::PciAddress& device);
  void OnError(const sysfs::PciAddress& device);
  void OnPatience();
  void ArmPatience();
  void Quarantine(const LostDevice& lost);
  void TakeOut(uint8_t port);
  // With its whole card.
  void TakeOut(const sysfs::PciAddress& address);
  void Keep(uint8_t port);
  std::vector<std::string> IdsIn(uint8_t port) const;
  // The port's card is out of the guest: closes its devices.
  void Close(uint8_t port, bool forced);
  void Close(Plugged plugged, bool forced);
  void Close(EmulatedDevices::Emulated emulated, bool forced);
  // Ends something that may wait, by a thread; then says that the device has left.
  struct Leaver {
    std::string name;
    std::string id;
    bool forced = false;
  };
  void CloseInBackground(std::function<void()> end, Leaver leaver);
  base::Status InsertCard(uint8_t port, const CardFunctions& functions);

  const Wiring wiring_;
  const MachinePlan* plan_;
  const uint64_t page_bytes_;  // of guest RAM
  DmaRam ram_;
  std::atomic<bool> balloon_changes_{false};  // told soon
  // Gives primaries their addresses back when the devices are closed.
  std::optional<StandbyPairs> standby_;
  std::optional<Assignment> assignment_;
  std::unique_ptr<EmulatedDevices> emulated_;
  std::shared_ptr<pci::HostBridge> bridge_;
  std::vector<Plugged> plugged_;
  std::set<uint8_t> forced_;  // ports whose last card was taken: chosen last
  PortWaits waits_;
  std::vector<DeviceStats> closed_;
  std::unique_ptr<Timer> patience_;
  std::vector<Thread> closing_;  // waits for all, before the members above

  struct Waiting {
    AssignRequest request;
    std::optional<uint8_t> port_number;
    Done done;
  };
  std::deque<Waiting> waiting_;
  // A device while it is opened, and guest RAM is pinned for it if it is the first.
  struct Opening {
    Place place;
    Done done;
    std::optional<Assignment::Opened> opened;  // by the thread
    std::atomic<bool> stop{false};             // giving guest RAM its pages
    Thread thread;
  };
  base::Status Populate(const std::atomic<bool>& stop) const;
  std::unique_ptr<Opening> opening_;
  unsigned openings_ = 0;  // so far
};

}  // namespace vmm
