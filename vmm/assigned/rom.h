// The expansion ROM that the guest sees: the device's own as VFIO offers it, a file's, or none (PCI
// 3.0, 6.2.5.2 and 6.3.1).
//
// The guest reads a copy in our memory, filled once, so that reading costs no exit to user space.
// Files are not trusted: all that is read of one is inside it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/mapping.h"
#include "sysfs/base/result.h"
#include "vfio/device.h"
#include "vmm/pci/function.h"

namespace vmm::assigned {

// --assign DEV,rom=FILE|off.
struct RomRequest {
  bool off = false;
  std::string file;  // empty: the device's own
};
// "off" or a file's name; kUsage when it is empty.
base::Result<RomRequest> ParseRomRequest(std::string_view text);

// The register's address bits reach 2 KiB to 2 GiB; no card needs more than this.
inline constexpr uint64_t kMostRomBytes = 16 * base::kMiB;

// What names the card to the ROM's makers.
struct RomOwner {
  uint16_t vendor = 0;
  uint16_t device = 0;
};
// What a firmware would say to these bytes: kUsage where no card has such a ROM (no 55 AA, an image
// that is longer than the file); warnings where this one has not. Pure.
base::Result<std::vector<std::string>> CheckRom(std::span<const std::byte> bytes,
                                                const RomOwner& owner);

// The file whole, checked, its warnings logged. kUsage and kDenied name it.
base::Result<std::vector<std::byte>> ReadRomFile(const std::string& path, const RomOwner& owner);

// The BAR of a ROM with so many bytes: a power of two and whole pages; nothing for none, and for
// more than kMostRomBytes. Pure.
std::optional<pci::BarInfo> RomBar(uint64_t bytes);

// Memory of the BAR's size with the file's bytes, or with those that the device's ROM has now. The
// device must decode memory; what it does not answer reads as all ones.
base::Result<base::Mapping> FillRom(const vfio::Device& device, uint64_t size,
                                    std::span<const std::byte> file);

}  // namespace vmm::assigned
