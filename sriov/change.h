// Changing virtual functions, whole: checks, record, locks, writes, waiting, verification, and the
// way back when a step fails.
//
// The record of what was there is written before the first change; Restore works from it and from
// whatever state it finds. When a step fails, what was there is put back at once, unless the error
// says kTimedOut: then a write is still under way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sriov/host.h"
#include "sriov/plan.h"

namespace sriov {

struct SetRequest {
  sysfs::PciAddress pf;
  unsigned count = 0;
  Drivers drivers = Drivers::kKernel;            // of the virtual functions
  std::map<unsigned, VfSettings> settings = {};  // by index, set before any driver binds
};

// What --dry-run prints.
struct SetPlan {
  PhysicalFunction pf;             // as it is
  Steps steps;                     // up to the new functions, or all when none are made
  std::vector<std::string> later;  // in words, for functions that are not there yet
  bool empty() const { return steps.empty() && later.empty(); }
};

struct Outcome {
  PhysicalFunction before;
  PhysicalFunction after;
  bool changed = false;
  std::vector<std::string> notes;  // what a person should know
};

// All checks: range, driver, room, use. Nothing is changed. Errors: kUsage for more than there can
// be, kInUse with what uses a function that would go, kUnfit without room, kUnsupported without a
// driver that can.
base::Result<SetPlan> PlanSet(Host& host, const SetRequest& request);

// Exactly so many, with these drivers. Another number than 0 goes to another one through 0. When
// the driver enables fewer than asked for, what came is kept and the error is kPartial.
// `held`: the host lock of a larger change that this is a part of.
base::Result<Outcome> SetFunctions(Host& host, const SetRequest& request,
                                   const sysfs::FileLock* held = nullptr);

struct VfRequest {
  sysfs::PciAddress pf;
  unsigned index = 0;
  VfAttributes attributes = {};  // without rates
  std::optional<uint32_t> min_rate = {};
  std::optional<uint32_t> max_rate = {};
  std::optional<unsigned> msix_count = {};
};

struct VfPlan {
  PhysicalFunction pf;
  Steps steps;
};

base::Result<VfPlan> PlanVf(Host& host, const VfRequest& request);
base::Result<Outcome> SetVf(Host& host, const VfRequest& request);

// The physical function's virtual ones as the record has them: number, autoprobe, attributes,
// drivers, a drive's resources. Nothing when there is no record. A function that a process has
// through VFIO is refused, unless `force` holds kAssigned: then each is asked back first, as
// sysfs::Restore does. Without a force set the refusal names no option.
base::Result<std::optional<SetPlan>> PlanRestore(Host& host, const sysfs::PciAddress& pf,
                                                 const std::optional<sysfs::ForceSet>& force = {});
base::Result<std::optional<Outcome>> Restore(Host& host, const sysfs::PciAddress& pf,
                                             const sysfs::FileLock* held = nullptr,
                                             const std::optional<sysfs::ForceSet>& force = {});

}  // namespace sriov
