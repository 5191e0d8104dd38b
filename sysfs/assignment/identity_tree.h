// Writes that reach only the card they were planned for.
//
// A slot's address stays when its card changes, by hand or by a rescan. So the ids are read again
// right before each write that names one of the devices, and a write to another card is not made.
// The moment between the look and the write is left: the kernel offers nothing to close it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

// Reads go straight to the tree below, which outlives it.
class IdentityTree final : public Tree {
 public:
  IdentityTree(Tree& below, std::span<const PciDevice> devices)
      : below_(below), devices_(devices.begin(), devices.end()) {}

  base::Result<std::string> Read(const std::string& path) const override {
    return below_.Read(path);
  }
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override {
    return below_.ReadBytes(path, limit);
  }
  base::Result<std::string> ReadLink(const std::string& path) const override {
    return below_.ReadLink(path);
  }
  base::Result<std::vector<std::string>> List(const std::string& path) const override {
    return below_.List(path);
  }
  bool Exists(const std::string& path) const override { return below_.Exists(path); }
  // kNotFound, and no write, when the device has gone or another one sits there.
  base::Status Write(const std::string& path, std::string_view value) override;

 private:
  Tree& below_;
  std::vector<PciDevice> devices_;
};

}  // namespace sysfs
