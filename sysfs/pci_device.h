// One PCI function as the kernel describes it, read once from sysfs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace sysfs {

struct PciBar {
  unsigned index = 0;  // 0 to 5, 6 is the expansion ROM
  uint64_t start = 0;
  uint64_t size = 0;
  uint64_t flags = 0;  // IORESOURCE_* of the `resource` file (include/linux/ioport.h)

  static constexpr unsigned kRom = 6;  // the last index of the function's own
  bool is_port() const { return (flags & 0x100) != 0; }
  bool is_memory() const { return (flags & 0x200) != 0; }
  bool is_prefetchable() const { return (flags & 0x2000) != 0; }
  bool is_64_bit() const { return (flags & 0x100000) != 0; }
};

struct PciDevice {
  PciAddress address;
  uint16_t vendor = 0;
  uint16_t device = 0;
  uint16_t subsystem_vendor = 0;
  uint16_t subsystem_device = 0;
  uint32_t class_code = 0;  // base class, subclass, programming interface: 0x010802
  uint8_t revision = 0;
  std::optional<std::string> driver;           // nothing when no driver is bound
  std::optional<std::string> driver_override;  // nothing when unset ("(null)" and "" alike)
  std::optional<unsigned> iommu_group;         // nothing without an IOMMU
  std::optional<int> numa_node;                // nothing for -1
  std::string modalias;
  std::optional<PciAddress> physfn;        // the physical function, when this is a virtual one
  std::vector<PciAddress> virtfns;         // in the order of their index
  std::optional<unsigned> sriov_totalvfs;  // nothing when not SR-IOV capable
  std::optional<unsigned> sriov_numvfs;
  // driver_override and sriov_numvfs are not known: locked, or not readable (sysfs/guarded.h).
  bool busy = false;

  std::string path() const { return "/sys/bus/pci/devices/" + address.ToString(); }
  uint8_t base_class() const { return static_cast<uint8_t>(class_code >> 16); }
  // Header type 1 or 2; told by the class (06xx), which needs no access to the device.
  bool is_bridge() const { return base_class() == 0x06; }
};

// How much to read. kIdentity takes what `uevent` and one link tell (four system calls): address,
// ids, class, driver, modalias and iommu_group. kBrief adds physfn. kUnlocked takes all that no
// device lock guards. kFull also takes `driver_override` and `sriov_numvfs`: reading them waits for
// the lock, and a driver that is stuck in its remove function keeps it (drivers/pci/pci-sysfs.c,
// drivers/pci/iov.c).
enum class Detail : uint8_t { kIdentity, kBrief, kUnlocked, kFull };

// kNotFound when sysfs has no such function. With kFull also what ReadBehindLock fails with.
base::Result<PciDevice> ReadDevice(const Tree& tree, const PciAddress& address,
                                   Detail detail = Detail::kFull);
// All functions, in the order of their addresses. A function that vanishes meanwhile is left out.
base::Result<std::vector<PciDevice>> ReadDevices(const Tree& tree, Detail detail = Detail::kFull);
// What kFull adds to kUnlocked, unset where it cannot be read. Waits for the device's lock.
void ReadLocked(const Tree& tree, PciDevice& device);
// Their addresses alone: one directory.
base::Result<std::vector<PciAddress>> ListDevices(const Tree& tree);
// The functions above one, from the root, without reading any of them: one link. Empty for a
// function on a root bus.
std::vector<PciAddress> BridgesAbove(const Tree& tree, const PciAddress& address);
// The device's resources that have a size (reads `resource`, never the device).
std::vector<PciBar> ReadBars(const Tree& tree, const PciAddress& address);

}  // namespace sysfs
