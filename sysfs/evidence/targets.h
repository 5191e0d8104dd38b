// Block devices that the kernel itself serves to others: NVMe and SCSI targets, as configfs has
// them (Documentation/target, drivers/nvme/target/configfs.c). Those of NVMe take no exclusive
// claim, so that nothing else shows them.
#pragma once

#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

struct Served {
  std::string name;    // of the device node without links: "nvme1n1", "dm-0", "nvme1"
  std::string target;  // "NVMe target nqn.2014-08.org:x, namespace 1"
  std::string cure;
  bool enabled = true;  // otherwise it is configured and not in use yet
  bool operator==(const Served&) const = default;
};

std::vector<Served> ReadTargets(const Tree& tree);

}  // namespace sysfs
