// Writes that reach only the card they were planned for.
//
// A slot's address stays when its card changes, by hand or by a rescan. So the ids are read again
// right before each write that names one of the devices, and its serial number or MAC address as
// long as its driver tells it, and a write to another card is not made. The moment between the look
// and the write is left: the kernel offers nothing to close it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sysfs/identity.h"
#include "sysfs/pci_device.h"
#include "sysfs/writing_tree.h"

namespace sysfs {

// kNotFound when the device has gone or another one sits at its address.
base::Status CheckCard(const Tree& tree, const PciDevice& device);

class IdentityTree final : public WritingTree {
 public:
  IdentityTree(Tree& below, std::span<const PciDevice> devices);

  // No write where CheckCard fails, or the device tells another serial number or MAC address than
  // when this tree was made.
  base::Status Write(const std::string& path, std::string_view value) override;

 private:
  struct Card {
    PciDevice device;
    Identity identity;
  };
  std::vector<Card> cards_;
};

}  // namespace sysfs
