#include "sysfs/capability.h"

#include <algorithm>
#include <bitset>

namespace sysfs {
namespace {

using base::LoadLe;
namespace header = registers::header;
namespace layout = registers::capability;

// Offsets of dwords that a walk has seen.
using Visited = std::bitset<kExtendedConfigSize / sizeof(uint32_t)>;

bool Visit(Visited& visited, size_t offset) {
  const size_t dword = offset / sizeof(uint32_t);
  if (visited.test(dword)) return false;
  visited.set(dword);
  return true;
}

size_t FirstPointer(std::span<const std::byte> config) {
  const auto status = LoadLe<uint16_t>(config, header::kStatus);
  const auto vendor = LoadLe<uint16_t>(config, header::kVendor);
  if (vendor == 0xffff || registers::status::CapabilityList::Get(status) == 0) return 0;
  const uint8_t type = header::Layout::Get(LoadLe<uint8_t>(config, header::kType));
  const bool is_cardbus = type == header::kCardbusLayout;
  return LoadLe<uint8_t>(config, is_cardbus ? header::kCardbusCapabilities : header::kCapabilities);
}

}  // namespace

std::vector<Capability> ListCapabilities(std::span<const std::byte> config) {
  constexpr uint8_t kNothingThere = 0xff;
  config = config.first(std::min(config.size(), kConfigSize));
  std::vector<Capability> found;
  Visited visited;
  size_t offset = FirstPointer(config) & layout::kPointerMask;
  while (offset >= header::kEnd && offset + 2 <= config.size() && Visit(visited, offset)) {
    const auto id = LoadLe<uint8_t>(config, offset + layout::kId);
    if (id == kNothingThere) break;
    if (id != 0) found.push_back({id, 0, static_cast<uint16_t>(offset)});
    offset = LoadLe<uint8_t>(config, offset + layout::kNext) & layout::kPointerMask;
  }
  return found;
}

std::vector<Capability> ListExtendedCapabilities(std::span<const std::byte> config) {
  config = config.first(std::min(config.size(), kExtendedConfigSize));
  std::vector<Capability> found;
  Visited visited;
  size_t offset = layout::kFirstExtended;
  while (offset >= layout::kFirstExtended && offset + sizeof(uint32_t) <= config.size() &&
         Visit(visited, offset)) {
    const auto head = LoadLe<uint32_t>(config, offset);
    if (head == 0 || head == UINT32_MAX) break;
    const auto id = static_cast<uint16_t>(layout::ExtendedIdField::Get(head));
    const auto version = static_cast<uint8_t>(layout::ExtendedVersion::Get(head));
    if (id != 0) found.push_back({id, version, static_cast<uint16_t>(offset)});
    offset = layout::ExtendedNext::Get(head) & layout::kExtendedPointerMask;
  }
  return found;
}

namespace {

std::optional<uint16_t> FirstOf(const std::vector<Capability>& list, uint16_t id) {
  const auto found =
      std::find_if(list.begin(), list.end(), [id](const Capability& one) { return one.id == id; });
  if (found == list.end()) return std::nullopt;
  return found->offset;
}

}  // namespace

std::optional<uint16_t> FindCapability(std::span<const std::byte> config, CapabilityId id) {
  return FirstOf(ListCapabilities(config), static_cast<uint16_t>(id));
}

std::optional<uint16_t> FindExtendedCapability(std::span<const std::byte> config, ExtendedId id) {
  return FirstOf(ListExtendedCapabilities(config), static_cast<uint16_t>(id));
}

std::optional<unsigned> MsiVectors(std::span<const std::byte> config) {
  namespace msi = registers::msi;
  const auto at = FindCapability(config, CapabilityId::kMsi);
  if (!at) return std::nullopt;
  const auto control = base::LoadLe<uint16_t>(config, size_t{*at} + msi::kControl);
  return 1u << std::min<unsigned>(msi::VectorsCapable::Get(control), msi::kMostVectorsLog2);
}

std::optional<unsigned> MsixVectors(std::span<const std::byte> config) {
  const auto at = FindCapability(config, CapabilityId::kMsix);
  if (!at) return std::nullopt;
  const auto control = base::LoadLe<uint16_t>(config, size_t{*at} + registers::msix::kControl);
  return registers::msix::TableSize::Get(control) + 1u;
}

}  // namespace sysfs
