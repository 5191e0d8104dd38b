// Which PCI functions a person means.
//
//   08:00.0  0000:08:00.0  10000:01:00.0      an address
//   /sys/bus/pci/devices/0000:08:00.0/...     a path at or below a device, links followed
//   pci-0000:08:00.0  pci_0000_08_00_0        as udev and libvirt write it
//   net:eth0  eth0                            a network interface
//   block:nvme0n1  nvme0n1  /dev/nvme0n1      a disk, a partition, an NVMe controller
//   8086:10fb                                 all functions of this vendor and device number
//   group:14  /dev/vfio/14                    all members of an IOMMU group
//   scratch                                   an entry of the declarative file (vassign.toml(5))
//   03:00.0#3  vf:eth1#3-5                    virtual functions (cli/vf_selector.h)
//
// Text that cannot be any of these is kUsage; what is well formed and absent, or ambiguous where
// one device is wanted, is kNotFound with the nearest matches in the hint.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace cli {

enum class SelectorKind : uint8_t {
  kAddress,
  kSysPath,
  kDevPath,
  kNet,
  kBlock,
  kIds,
  kGroup,
  kName
};

struct Selector {
  SelectorKind kind = SelectorKind::kName;
  std::string text;           // as typed
  std::string name;           // path or name, without the prefix
  sysfs::PciAddress address;  // kAddress
  uint16_t vendor = 0;        // kIds
  uint16_t device = 0;        // kIds
  unsigned group = 0;         // kGroup
};

// What the text means by its form alone.
base::Result<Selector> ParseSelector(std::string_view text);

// The functions meant, by address, at least one.
base::Result<std::vector<sysfs::PciAddress>> Select(const sysfs::Tree& tree, std::string_view text);
// The union of several, by address, each once.
base::Result<std::vector<sysfs::PciAddress>> SelectAll(const sysfs::Tree& tree,
                                                       const std::vector<std::string>& texts);
// Exactly one.
base::Result<sysfs::PciAddress> SelectOne(const sysfs::Tree& tree, std::string_view text);

}  // namespace cli
