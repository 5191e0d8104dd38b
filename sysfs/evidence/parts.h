// The kinds of evidence, one function a file; sysfs/evidence/evidence.h joins them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/evidence/evidence.h"
#include "sysfs/evidence/places.h"
#include "sysfs/holders.h"

namespace sysfs {

// One device and all that is asked about it.
struct Search {
  const Tree& tree;
  const PciDevice& device;
  const EvidenceSources& sources;
  const Places& places;  // of the same tree
  OpenFiles& open;       // of its processes
  Unread& unread;        // what `tree` notes as well
};

// A device node that is a use once a process holds it.
struct WatchedNode {
  std::string node;               // "/dev/nvme0n1"
  std::vector<std::string> path;  // from the device to the node
  UseKind kind = UseKind::kOpen;
  std::optional<ForceReason> reason;
  bool may_be_claimed = false;          // a block device: the kernel itself may hold it
  std::optional<uint64_t> number = {};  // where sysfs tells it, which saves a look at the node
};

// What a look at the files alone finds, and what is left to ask of the processes.
struct Findings {
  std::vector<Evidence> evidence;
  std::vector<WatchedNode> nodes;
};

Findings FindStorageUse(const Search& search);
Findings FindVfioUse(const Search& search);
Findings FindFunctionUse(const Search& search);
Findings FindNodeUse(const Search& search);
Findings FindNetworkUse(const Search& search);
Findings FindDisplayUse(const Search& search);
Findings FindConsoleUse(const Search& search);
Findings FindForeignUse(const Search& search);

// One pass over all processes, our own left out; then claims inside the kernel, which are asked for
// only where `evidence` knows no user of a disk.
void AddHolders(const Search& search, const std::vector<WatchedNode>& nodes,
                std::vector<Evidence>& evidence);

// For a shell: in single quotes where blanks or others need it.
std::string ShellWord(std::string_view text);

// ", or assign one of its virtual functions: ..." where the device has or can have them.
std::string FunctionsInstead(const PciDevice& device);

}  // namespace sysfs
