// Names of vendors, devices and classes out of the host's pci.ids, through libpci.
//
// The file is read at the first question, never the network. A number without a name is nothing
// here; Describe... give text for people in any case. Not thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sysfs/pci_device.h"

namespace sysfs {

class Names {
 public:
  // Another pci.ids than the host's, for tests.
  explicit Names(const std::string& ids_file = "");
  Names(Names&&) noexcept;
  Names& operator=(Names&&) noexcept;
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;
  ~Names();

  std::optional<std::string> Vendor(uint16_t vendor) const;
  std::optional<std::string> Device(uint16_t vendor, uint16_t device) const;
  std::optional<std::string> Subsystem(const PciDevice& device) const;
  // "Non-Volatile memory controller", and with the programming interface "NVM Express".
  std::optional<std::string> Class(uint32_t class_code) const;
  std::optional<std::string> Interface(uint32_t class_code) const;

  // "Intel Corporation 82599ES ... Connection"; "Intel Corporation device 10fb" or
  // "vendor 8086 device 10fb" when unknown.
  std::string Describe(const PciDevice& device) const;
  // "Ethernet controller"; "class 0280" when unknown.
  std::string DescribeClass(uint32_t class_code) const;

 private:
  struct Access;  // libpci's
  std::unique_ptr<Access> access_;
};

}  // namespace sysfs
