// The kinds of evidence, one function a file; sysfs/evidence/evidence.h joins them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/evidence/evidence.h"
#include "sysfs/holders.h"

namespace sysfs {

// One device and all that is asked about it.
struct Search {
  const Tree& tree;
  const PciDevice& device;
  const EvidenceSources& sources;
};

// A device node that is a use once a process holds it.
struct WatchedNode {
  std::string node;               // "/dev/nvme0n1"
  std::vector<std::string> path;  // from the device to the node
  UseKind kind = UseKind::kOpen;
  std::optional<ForceReason> reason;
  bool may_be_claimed = false;  // a block device: the kernel itself may hold it
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

// Whether a folder has an entry of this name. Asks for the whole folder, which a report over many
// devices reads once.
bool IsListed(const Tree& tree, const std::string& folder, const std::string& name);

// A kernel object at or below the function and the way to it.
struct Below {
  std::string name;               // "sda"
  std::string place;              // the target of its link
  std::vector<std::string> path;  // 0000:00:14.0, "usb 1-2", sda
};

// Of a class or bus folder ("/sys/class/net"), in the order of their names.
std::vector<Below> FindBelow(const Tree& tree, const std::string& folder,
                             const PciAddress& address);
// The way to a place in sysfs as far as it has names: functions behind the device, the USB device.
// Empty when the place is not below the function.
std::vector<std::string> PathTo(std::string_view place, const PciAddress& address);
// "1-2.3": a USB device, and neither a root hub nor an interface.
bool IsUsbDevice(std::string_view name);

// The path with more nodes at its end.
std::vector<std::string> Extend(std::vector<std::string> path, std::string node);

// For a shell: in single quotes where blanks or others need it.
std::string ShellWord(std::string_view text);

// ", or assign one of its virtual functions: ..." where the device has or can have them.
std::string FunctionsInstead(const PciDevice& device);

}  // namespace sysfs
