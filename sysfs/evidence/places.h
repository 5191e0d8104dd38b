// Where kernel objects sit, asked once for many devices: each class folder is read at the first
// question, and every function on the way to an object finds it then.
//
// Not thread safe; the tree outlives it. Shows the host as it was at the first look.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace sysfs {

// A kernel object at or below the function and the way to it.
struct Below {
  std::string name;               // "sda"
  std::string place;              // the target of its link
  std::vector<std::string> path;  // 0000:00:14.0, "usb 1-2", sda
};

class Places {
 public:
  explicit Places(const Tree& tree) : tree_(tree) {}

  // Of a class or bus folder ("/sys/class/net"), in the order of their names.
  std::vector<Below> FindBelow(std::string_view folder, const PciAddress& address) const;
  // Of a folder; none when it is not there.
  const std::set<std::string>& NamesIn(std::string_view folder) const;
  bool IsListed(std::string_view folder, const std::string& name) const {
    return NamesIn(folder).contains(name);
  }
  // The device number of a VFIO node ("/dev/vfio/14", "/dev/vfio/devices/vfio3") as /sys/dev/char
  // has it; nothing when it is not there.
  std::optional<uint64_t> VfioNumber(const std::string& node) const;

 private:
  struct Entry {
    std::string name;
    std::string place;
  };
  struct Folder {
    std::multimap<PciAddress, Entry> below;  // each under all functions on its way
    std::map<std::string, uint64_t> vfio;    // device numbers by node; of /sys/dev/char alone
  };
  const Folder& Look(std::string_view folder) const;

  const Tree& tree_;
  mutable std::map<std::string, std::set<std::string>, std::less<>> names_;
  mutable std::map<std::string, Folder, std::less<>> folders_;
};

// The way to a place in sysfs as far as it has names: functions behind the device, the USB device.
// Empty when the place is not below the function.
std::vector<std::string> PathTo(std::string_view place, const PciAddress& address);
// "1-2.3": a USB device, and neither a root hub nor an interface.
bool IsUsbDevice(std::string_view name);
// "226:128" of /sys/dev/char, as st_rdev has it.
std::optional<uint64_t> ParseDeviceNumber(std::string_view text);

// The path with more nodes at its end.
std::vector<std::string> Extend(std::vector<std::string> path, std::string node);

}  // namespace sysfs
