// Which assigned device is where on the guest's PCI buses.
//
// A device gets a root port of its own, so that it can leave a running guest; the functions of one
// host device share a port as one card. A device with an address (addr=) sits on bus 0 itself and
// stays there, and so does one with a large BAR that no port's window can hold. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "vmm/emulated_request.h"
#include "vmm/options.h"

namespace vmm {

struct HostDevice;

struct PlannedDevice {
  sysfs::PciAddress host;
  uint8_t guest_slot = 0;    // device number on bus 0: its own, or its port's
  bool behind_port = false;  // then it is device 0 behind the port
  uint8_t function = 0;
  std::string modalias;
  std::string id;  // for the monitor, none twice
  assigned::ConfigPolicy config = assigned::ConfigPolicy::kStandard;
  assigned::RomRequest rom = {};
  std::optional<vfio::VfToken> vf_token = {};
  bool hidden = false;  // at the start, until the driver of its standby asks for it

  uint8_t devfn() const { return static_cast<uint8_t>(guest_slot * 8 + function); }
};

// Whether one of them is opened with a token (vfio/token.h), which not every way can.
bool NeedsToken(const std::vector<PlannedDevice>& devices);

// Behind a port of its own.
struct PlannedEmulated {
  EmulatedRequest request;
  uint8_t guest_slot = 0;  // its port's
  std::string id;          // disk0, disk1, net0, rng0, ...; of a fallback its request's

  uint8_t devfn() const { return static_cast<uint8_t>(guest_slot * 8); }
};

struct PlannedPort {
  uint8_t guest_slot = 0;
  uint8_t number = 0;  // of slot and bus
  uint8_t devfn() const { return static_cast<uint8_t>(guest_slot * 8); }
};

struct Topology {
  std::vector<PlannedDevice> devices;  // in the order of Options::assign
  std::vector<PlannedEmulated> emulated;
  std::vector<PlannedPort> ports;  // ascending
};

// kUsage when bus 0 is full.
base::Result<Topology> PlanTopology(const Options& options, const std::vector<HostDevice>& devices);

// Whether a root port can forward all BARs (Linux puts no BAR that is not prefetchable into a
// 64-bit window).
bool FitsBehindPort(const HostDevice& device);

}  // namespace vmm
