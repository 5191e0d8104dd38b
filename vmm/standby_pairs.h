// The pairs of a machine's standby network devices and the assigned ones that they stand by for:
// what vmm/standby.h decides is done here.
//
// Threads: everything from the thread that owns the machine.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/primary_address.h"
#include "vmm/standby.h"
#include "vmm/standby_plan.h"

namespace vmm {

// Where a pair's primary is.
struct StandbyState {
  std::string standby;  // ids of both
  std::string primary;
  sysfs::PciAddress host;  // the primary
  Standby::Primary where = Standby::Primary::kAbsent;
  bool link_up = true;  // of the standby
};

class StandbyPairs {
 public:
  struct Wiring {
    PrimaryAddresses* addresses = nullptr;  // nullptr: primaries have their addresses
    std::function<base::Status(const AssignRequest& primary, std::optional<uint8_t> port)> plug;
    std::function<void(const std::string& id)> take_out;
    std::function<void(const std::string& standby, bool up)> set_link;
    std::function<void(const std::string& standby)> announce;
    // The guest's driver of the standby has asked for the primary.
    std::function<void(const StandbyPair& pair)> negotiated;
  };
  // Takes the primaries' addresses away. kDenied when it may not, and a primary has another address
  // than its pair.
  static base::Result<StandbyPairs> Create(Wiring wiring, std::vector<StandbyPair> pairs);
  StandbyPairs(StandbyPairs&&) = default;
  StandbyPairs& operator=(StandbyPairs&&) = delete;
  // Primaries get back what they had. They are closed.
  ~StandbyPairs();

  // The driver of this network device has set it up.
  void DriverCame(const std::string& standby, bool knows);
  void Mastering(const sysfs::PciAddress& device, bool on);
  void MachineReset();
  // For a device that is to be plugged, into a port of this number: nothing when it is no primary,
  // or is plugged. Otherwise it is plugged, or will be when the driver asks.
  std::optional<base::Status> Wanted(const AssignRequest& request, std::optional<uint8_t> port);
  std::vector<StandbyState> states() const;
  // Any device is asked to leave, stays all the same, is out, is closed.
  void Asked(const std::string& id);
  void Kept(const std::string& id);
  void Out(const std::string& id);
  void Closed(const std::string& id);

 private:
  struct Member {
    StandbyPair pair;
    Standby state;
    bool addressed = false;  // the primary has the pair's address
    bool writable = false;   // and it can be taken away
    virtio::Mac before = {};
    std::optional<uint8_t> port = {};  // that was asked for
  };
  StandbyPairs(Wiring wiring, std::vector<StandbyPair> pairs);
  base::Status TakeAddress(Member& member);
  Member* Find(const std::string& primary);
  base::Status Do(Member& member, Standby::Action action);
  base::Status Plug(Member& member);
  void Settle(Member& member);
  base::Status SetAddress(Member& member, bool wanted);

  Wiring wiring_;
  std::vector<Member> members_;
};

}  // namespace vmm
