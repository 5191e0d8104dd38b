// What a PCI function is, whatever number its bus has today.
//
// Bus numbers change when a card is added or firmware is updated; the way from the root bus through
// the bridges, each by its device and function number, does not (lspci -P shows the same). Serial
// number and MAC address tell cards of one kind apart, and follow a card into another slot.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sysfs/pci_address.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

struct Identity {
  std::string path;  // "0000:00/16.0/00.0": domain and root bus, then each hop
  uint16_t vendor = 0;
  uint16_t device = 0;
  uint16_t subsystem_vendor = 0;
  uint16_t subsystem_device = 0;
  // Nothing where it cannot be read now: most are known to the device's own driver alone.
  std::optional<std::string> serial;  // of an NVMe drive (nvme/nvmeN/serial)
  std::optional<std::string>
      dsn;  // Device Serial Number, "00-11-22-ff-ff-33-44-55" (PCIe 6.0, 7.9.3)
  std::optional<std::string> mac;  // permanent, of the function's first network interface
  bool operator==(const Identity&) const = default;
};

// "0000:00/16.0/00.0" below a root port, by its link alone; "" when that is there and unreadable.
std::string PciPath(const Tree& tree, const PciAddress& address);
// The form alone: kUsage for what no path is; otherwise in canonical spelling.
base::Result<std::string> ParsePciPath(std::string_view text);

// kPassive reads links and attributes alone; kWhole reads configuration space for the DSN too,
// which wakes a sleeping device. Without root the DSN is not known.
enum class IdentityDetail : uint8_t { kPassive, kWhole };
// The permanent address of an interface whose address was set once (by a bond that it has left): no
// file tells it.
using PermanentAddress = std::function<std::optional<std::string>(const std::string& interface)>;
Identity ReadIdentity(const Tree& tree, const PciDevice& device,
                      IdentityDetail detail = IdentityDetail::kWhole,
                      const PermanentAddress& permanent = {});

// What a snapshot holds in its place, below the interface.
inline constexpr const char* kRecordedAddress = "/vassign_permanent_address";

// The running host's, by ethtool(8)'s ETHTOOL_GPERMADDR; nothing where the driver does not tell. A
// child process asks (sysfs/apart.h): for a program of one thread.
PermanentAddress HostPermanentAddress();

}  // namespace sysfs
