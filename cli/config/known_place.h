// The identity of a device that is going to be recorded, or compared with a record.
#pragma once

#include "sysfs/identity.h"

namespace cli {

// As sysfs::ReadIdentity; fails when the link to the device's place cannot be read: an identity
// without it would be that of no device, and a pin of it would never be met again.
base::Result<sysfs::Identity> ReadPlacedIdentity(const sysfs::Tree& tree,
                                                 const sysfs::PciDevice& device,
                                                 sysfs::IdentityDetail detail,
                                                 const sysfs::PermanentAddress& permanent);

}  // namespace cli
