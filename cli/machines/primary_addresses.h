// The running host's, through the physical functions' drivers (sriov/vf_links.h).
#pragma once

#include <memory>

#include "sysfs/tree.h"
#include "vmm/primary_address.h"

namespace cli {

std::unique_ptr<vmm::PrimaryAddresses> HostPrimaryAddresses(const sysfs::Tree& tree);

}  // namespace cli
