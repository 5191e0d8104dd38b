// Virtual functions by their physical one and their number.
//
//   03:00.0#3    eth1#3    vf:eth1#3    number 3 of the physical function, which any selector names
//   eth1#3-5                            numbers 3 to 5
#pragma once

#include <string_view>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace cli {

struct VfRange {
  sysfs::PciAddress pf;
  unsigned first = 0;
  unsigned last = 0;  // inclusive
};

inline bool NamesVfs(std::string_view text) { return text.find('#') != std::string_view::npos; }

// kUsage when the number is none, kNotFound without such a physical function. The virtual ones need
// not be there.
base::Result<VfRange> SelectVfRange(const sysfs::Tree& tree, std::string_view text);
// Their addresses. kNotFound when one of them is not enabled.
base::Result<std::vector<sysfs::PciAddress>> SelectVfs(const sysfs::Tree& tree,
                                                       std::string_view text);

}  // namespace cli
