// Addresses that a physical function's driver gives to its virtual functions.
#pragma once

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "vmm/virtio/net/options.h"

namespace vmm {

// On the thread that owns the machine. What was read once can be read and written by a thread that
// makes no sockets.
class PrimaryAddresses {
 public:
  virtual ~PrimaryAddresses() = default;
  // All zero: none was given. kNotFound when the physical function has no interface here.
  virtual base::Result<virtio::Mac> Read(const sysfs::PciAddress& function) = 0;
  // All zero takes it back. kDenied without CAP_NET_ADMIN.
  virtual base::Status Write(const sysfs::PciAddress& function, const virtio::Mac& address) = 0;
};

}  // namespace vmm
