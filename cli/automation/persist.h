// `bind --persist` and `restore --persist`: one entry file for one device.
//
// /etc/vassign/conf.d/50-NAME.toml, where NAME is made from the device's way through the bridges.
// Only a file that begins with our own mark is replaced or removed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/assignment_output.h"
#include "cli/config/config.h"
#include "cli/context.h"
#include "sysfs/assignment/assignment.h"
#include "sysfs/identity.h"

namespace cli {

// Never by address: path, ids and subsystem, and what tells this card from others of its kind.
Entry EntryFor(const sysfs::Identity& identity, const std::string& driver);

// "/etc/vassign/conf.d/50-0000-00-16.0-00.0.toml".
std::string PersistPath(const Entry& entry);

// The whole file.
std::string PersistText(const Entry& entry);

struct Persisted {
  Entry entry;
  sysfs::Identity identity;
};

struct PersistPlan {
  Entry entry;
  sysfs::Identity pin;
  bool changed = true;  // false: the file is so already, and nothing is written
};

// What is to be written, beside the file that is there (as a tree reads it) and the pin: a second
// bind knows less than the first, because what VFIO has tells no serial number.
PersistPlan DecidePersist(const Persisted& wanted, const std::optional<std::string>& present,
                          const std::optional<sysfs::Identity>& pin);

// The files of the plans, in the order in which they are written.
std::vector<PlannedFile> FilesOf(const Context& context, const std::vector<PersistPlan>& plans);

// What the request asked for once, for every boot. To be planned while the devices are still on
// their host drivers, which alone know serial numbers and MAC addresses. kUsage for a virtual
// function, which its physical function's entry has to name, and for a file in the way that is not
// ours.
base::Result<std::vector<PersistPlan>> PlanPersist(const Context& context,
                                                   const sysfs::BindRequest& request, bool group);

// Writes files and pins, and the installed rules anew. One line each on `out`, unless in JSON.
base::Status StorePersisted(Context& context, const std::vector<PersistPlan>& plans);

// Takes away what StorePersisted wrote for these devices: kNotFound, and nothing is removed, when
// there is nothing of one.
base::Status ForgetPersisted(Context& context, const std::vector<sysfs::PciAddress>& devices);

}  // namespace cli
