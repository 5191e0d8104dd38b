// From the declarative file to what has to be done: nothing is changed here.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/config/config.h"
#include "cli/config/pin.h"
#include "cli/config/resolve.h"
#include "cli/declared/access.h"
#include "cli/declared/transaction.h"
#include "sriov/change.h"
#include "sysfs/assignment/assignment.h"

namespace cli {

// All that applying needs. The reference outlives it.
struct DeclaredHost {
  sriov::Host& sriov;
  Pins pins;
  Nodes nodes;
  sysfs::PermanentAddress permanent = {};  // empty on a recorded host

  sysfs::AssignmentHost& assignment() const { return sriov.assignment; }
};

struct EntryPlan {
  Entry entry;
  std::optional<Resolved> found;                // nothing: optional, and not there
  std::optional<sriov::SetPlan> functions;      // of an entry with virtual functions
  std::vector<sysfs::AssignmentPlan> bindings;  // of one with a driver
  std::vector<AccessChange> access;
  std::vector<std::string> differences;  // "driver nvme -> vfio-pci"
  bool empty() const { return differences.empty(); }
};

struct Selection {
  std::optional<sysfs::PciAddress> only;  // the entries of this device alone
  std::set<std::string> repin;            // entries whose new card is accepted
};

struct DeclaredPlan {
  std::vector<EntryPlan> entries;  // in the order of the file
  std::vector<std::string> notes;
  bool empty() const;
};

// The requests that carry an entry out.
sysfs::BindRequest BindingOf(const Entry& entry, const sysfs::PciAddress& address);
sriov::SetRequest FunctionsOf(const Entry& entry, const sysfs::PciAddress& address);

// Of the entries whose device an entry of another name has too: what is wrong, by the entry's name.
// Nobody can say which of them is meant. kUsage.
std::map<std::string, base::Error> FindConflicts(const Config& config, const Pinned& pinned,
                                                 const std::vector<HostDevice>& devices,
                                                 const Selection& selection);

// All checks of all entries: the first refusal is the plan's. Errors as Resolve, PlanSet and
// PlanBinding; kUsage for two entries of one device.
base::Result<DeclaredPlan> PlanDeclared(const DeclaredHost& host, const Config& config,
                                        const Selection& selection);

// What the entries would touch, as it is now (cli/declared/transaction.h).
base::Result<std::vector<Touched>> Snapshot(const DeclaredHost& host, const DeclaredPlan& plan);

// The nodes that an entry's access is about, as far as they are there now.
base::Result<std::vector<std::string>> AccessNodes(const DeclaredHost& host, const EntryPlan& plan);

}  // namespace cli
