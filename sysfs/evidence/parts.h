// The kinds of evidence, one function a file; sysfs/evidence/evidence.h joins them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/evidence/evidence.h"
#include "sysfs/holders.h"

namespace sysfs {

std::vector<Evidence> FindStorageUse(const Tree& tree, const PciDevice& device,
                                     const EvidenceSources& sources);
std::vector<Evidence> FindNetworkUse(const Tree& tree, const PciDevice& device,
                                     const EvidenceSources& sources);

// Names in a class folder ("/sys/class/net") whose device sits at or below the function.
std::vector<std::string> NamesBelow(const Tree& tree, const std::string& class_path,
                                    const PciAddress& address);

// Who else has one of these nodes open.
std::vector<Holder> FindOtherHolders(const Tree& tree, const std::vector<std::string>& nodes,
                                     const EvidenceSources& sources);
std::string Describe(const Holder& holder);  // "pid 1200 (qemu) has /dev/vfio/14 open"

}  // namespace sysfs
