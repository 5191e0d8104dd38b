// The kinds of evidence, one function a file; sysfs/evidence/evidence.h joins them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/evidence/evidence.h"

namespace sysfs {

std::vector<Evidence> FindStorageUse(const Tree& tree, const PciDevice& device,
                                     const EvidenceSources& sources);
std::vector<Evidence> FindNetworkUse(const Tree& tree, const PciDevice& device,
                                     const EvidenceSources& sources);

// Names in a class folder ("/sys/class/net") whose device sits at or below the function.
std::vector<std::string> NamesBelow(const Tree& tree, const std::string& class_path,
                                    const PciAddress& address);

// A process that has a device node open.
struct NodeHolder {
  std::string pid;
  std::string command;
  std::string node;  // as it was opened
};

// Who has one of these nodes ("/dev/vfio/14") open. Ourselves left out.
std::vector<NodeHolder> FindNodeHolders(const Tree& tree, const std::vector<std::string>& paths,
                                        const EvidenceSources& sources);

// Of /proc, in the order of their numbers.
std::vector<std::string> ListProcesses(const Tree& tree);

}  // namespace sysfs
