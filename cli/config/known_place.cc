#include "cli/config/known_place.h"

namespace cli {

base::Result<sysfs::Identity> ReadPlacedIdentity(const sysfs::Tree& tree,
                                                 const sysfs::PciDevice& device,
                                                 sysfs::IdentityDetail detail,
                                                 const sysfs::PermanentAddress& permanent) {
  sysfs::Identity identity = sysfs::ReadIdentity(tree, device, detail, permanent);
  if (!identity.path.empty()) return identity;
  return base::Fail(base::Code::kKernel,
                    device.address.ToString() + ": its place among the bridges cannot be read",
                    "ls -l " + device.path() + " says why; then run the command again");
}

}  // namespace cli
