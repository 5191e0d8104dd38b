// How each device of a machine is reset, decided before anything is: by a reset of the function
// alone, by a hot reset (of its slot or bus) together with others, or not at all.
//
// A function-level reset comes first. Otherwise a hot reset, which resets all of the hardware, if
// everything on the bus is ours: it goes before a change of the power state (pm), which may leave
// state behind. The methods are the kernel's (Documentation/ABI/testing/sysfs-bus-pci,
// reset_method; drivers/pci/pci.c); "bus" among a function's own methods works only while it is
// alone on its bus, and the kernel lists it before it knows. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/pci_address.h"
#include "vfio/reset.h"

namespace vfio {

struct ResetMember {
  sysfs::PciAddress address;
  bool ours = false;  // nobody else is hurt when it is reset
  bool operator==(const ResetMember&) const = default;
};

struct ResetFacts {
  sysfs::PciAddress device;
  ResetMethods methods;
  bool own = false;  // the kernel can reset it alone (VFIO_DEVICE_FLAGS_RESET)
  // What a hot reset takes, itself included; nothing when there is none, or nobody needs to know.
  std::optional<std::vector<ResetMember>> set;
};

enum class ResetKind : uint8_t { kFunction, kHot, kNone };

struct ResetScope {
  sysfs::PciAddress device;
  ResetKind kind = ResetKind::kNone;
  std::string method;        // of kFunction, the kernel's word: "flr", "pm"; empty when unknown
  sysfs::PciAddress leader;  // of kHot: the one device of the set by which it is done
  std::vector<sysfs::PciAddress> together;    // of kHot: the others
  std::vector<sysfs::PciAddress> in_the_way;  // not ours, so that there is no hot reset

  // Nothing of what a guest did stays.
  bool complete() const { return kind != ResetKind::kNone && method != "pm"; }
  // For a person: "bus reset, together with 0000:05:02.0".
  std::string Text() const;
  bool operator==(const ResetScope&) const = default;
};

// One for each device, in their order. A set has one leader, so that it is reset once.
std::vector<ResetScope> PlanResets(std::span<const ResetFacts> devices);

}  // namespace vfio
