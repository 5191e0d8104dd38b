// From a physical function as it is to what is wanted: pure functions.
//
// Virtual functions come and go all together, and what they are is known only when they are there.
// So a change has phases, each planned from what the host shows then:
//
//   1. PlanTeardown    host drivers are kept off new functions; the old ones go
//   2. PlanPrimary     a drive's primary controller gives up what its functions need
//   3. PlanCreate      the new functions come
//   4. PlanSettings    a drive's resources, MAC addresses and the rest, before any driver binds
//   5. PlanDrivers     drivers
//
// A phase with nothing to do is empty, and so are all of them when everything is as wanted.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sriov/functions.h"
#include "sriov/record.h"
#include "sriov/step.h"

namespace sriov {

enum class Drivers : uint8_t {
  kKernel,    // whatever the kernel prefers
  kNone,      // no driver, now and later: autoprobe stays off
  kVfio,      // vfio-pci; bound by sysfs::Bind, not by these plans
  kRecorded,  // what the record says
};

// What a request wants of one function beyond its driver.
struct VfSettings {
  VfAttributes attributes = {};
  std::optional<unsigned> msix_count = {};
  bool operator==(const VfSettings&) const = default;
};

struct Goal {
  unsigned count = 0;
  Drivers drivers = Drivers::kKernel;
  std::optional<bool> autoprobe = {};            // in the end; nothing: as it is
  std::optional<Record> record = {};             // kRecorded
  std::map<unsigned, VfSettings> settings = {};  // by index; functions without any are left alone
};

inline bool Recreates(const PhysicalFunction& pf, const Goal& goal) {
  return pf.count != goal.count;
}

Steps PlanTeardown(const PhysicalFunction& pf, const Goal& goal);
// kUnfit when the drive has too little. The commands take effect by the reset that ends them, which
// interrupts the drive for a moment. Empty while there are virtual functions: the reset ends them.
base::Result<Steps> PlanPrimary(const PhysicalFunction& pf, const Goal& goal);
Steps PlanCreate(const PhysicalFunction& pf, const Goal& goal);
// `machine_id` is for the addresses of functions that have none.
base::Result<Steps> PlanSettings(const PhysicalFunction& pf, const Goal& goal,
                                 const std::string& machine_id);
// `probes`: functions without a driver are offered to the host's drivers (they are new, or were
// kept from them until now).
Steps PlanDrivers(const PhysicalFunction& pf, const Goal& goal, bool probes);

// Autoprobe as the goal has it in the end.
Steps PlanAutoprobe(const PhysicalFunction& pf, std::optional<bool> value,
                    const std::string& reason);

// Attributes of one function, one step each; only what is different.
Steps PlanAttributes(const PhysicalFunction& pf, unsigned index, const VfAttributes& wanted,
                     const std::string& reason);
// The number of MSI-X vectors of a function without a driver (sriov_vf_msix_count).
Steps PlanMsix(const PhysicalFunction& pf, unsigned index, unsigned count);

}  // namespace sriov
