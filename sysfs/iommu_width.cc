#include "sysfs/iommu_width.h"

#include <algorithm>
#include <bit>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

// SAGAW: bit 1 stands for three levels, 39 bits; each further one for a level more, of 9 bits.
unsigned WidestTable(uint64_t capability) {
  const uint64_t depths = (capability >> 8) & 0x1e;
  return depths == 0 ? 0 : 30 + 9 * (static_cast<unsigned>(std::bit_width(depths)) - 1);
}

}  // namespace

std::optional<unsigned> ReadIommuWidth(const Tree& tree, const PciAddress& address) {
  const auto text =
      ReadText(tree, "/sys/bus/pci/devices/" + address.ToString() + "/iommu/intel-iommu/cap");
  if (!text) return std::nullopt;
  const auto capability = base::ParseHex(*text);
  if (!capability) return std::nullopt;
  const unsigned table = WidestTable(*capability);
  if (table == 0) return std::nullopt;
  return std::min(static_cast<unsigned>((*capability >> 16) & 0x3f) + 1, table);
}

}  // namespace sysfs
