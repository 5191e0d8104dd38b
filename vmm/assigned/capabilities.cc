#include "vmm/assigned/capabilities.h"

#include <algorithm>

#include "vmm/pci/registers.h"

namespace vmm::assigned {
namespace {

using sysfs::Capability;
using sysfs::CapabilityId;
using sysfs::ExtendedId;
namespace header = sysfs::registers::header;
namespace layout = sysfs::registers::capability;
namespace registers = sysfs::registers;

constexpr uint16_t kUnlinkedFirst = 0xffff;

bool Contains(std::span<const Capability> list, const Capability& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

uint16_t SizeOf(CapabilityId id) {
  switch (id) {
    case CapabilityId::kMsi:
      return 24;
    case CapabilityId::kMsix:
      return registers::msix::kSize;
    default:
      return 4;
  }
}

uint16_t SizeOf(ExtendedId id) {
  switch (id) {
    case ExtendedId::kSriov:
      return registers::sriov::kSize;
    case ExtendedId::kResizableBar:
    case ExtendedId::kVfResizableBar:
      return registers::rebar::kFirst + header::kBarCount * registers::rebar::kEntrySize;
    case ExtendedId::kPageRequest:
      return 16;
    default:
      return 8;
  }
}

// How far a capability's bytes go at most: to the next one or the end of its space.
uint16_t Limit(std::span<const Capability> all, const Capability& one, uint16_t size, size_t end) {
  size_t limit = std::min<size_t>(one.offset + size, end);
  for (const Capability& other : all) {
    if (other.offset > one.offset) limit = std::min<size_t>(limit, other.offset);
  }
  return static_cast<uint16_t>(limit - one.offset);
}

}  // namespace

bool IsHidden(CapabilityId id) { return id == CapabilityId::kEnhancedAllocation; }

bool IsHidden(ExtendedId id) {
  switch (id) {
    case ExtendedId::kSriov:
    case ExtendedId::kAri:
    case ExtendedId::kResizableBar:
    case ExtendedId::kVfResizableBar:
    case ExtendedId::kAts:
    case ExtendedId::kPageRequest:
    case ExtendedId::kPasid:
      return true;
    default:
      return false;
  }
}

void LinkCapabilities(pci::ConfigSpace& space, std::span<const Capability> all,
                      std::span<const Capability> kept) {
  for (const Capability& one : all) {
    if (Contains(kept, one)) continue;
    const uint16_t size = SizeOf(static_cast<CapabilityId>(one.id));
    space.OwnZero(one.offset, Limit(all, one, size, sysfs::kConfigSize));
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    const uint32_t next = i + 1 < kept.size() ? kept[i + 1].offset : 0;
    space.Own(kept[i].offset, Width::k2, kept[i].id | next << 8);
  }
  space.Own(header::kCapabilities, Width::k4, kept.empty() ? 0 : kept.front().offset);
  space.OwnBits(header::kStatus, pci::kStatusCapabilities,
                kept.empty() ? 0 : pci::kStatusCapabilities);
}

void LinkExtendedCapabilities(pci::ConfigSpace& space, std::span<const Capability> all,
                              std::span<const Capability> kept) {
  for (const Capability& one : all) {
    if (Contains(kept, one)) continue;
    const uint16_t size = SizeOf(static_cast<ExtendedId>(one.id));
    space.OwnZero(one.offset, Limit(all, one, size, space.size()));
  }
  const auto own = [&](uint16_t offset, uint32_t id, uint32_t version, uint32_t next) {
    space.Own(offset, Width::k4, id | version << 16 | next << 20);
  };
  const uint32_t first = kept.empty() ? 0 : kept.front().offset;
  if (first != layout::kFirstExtended) {
    own(layout::kFirstExtended, first == 0 ? 0 : kUnlinkedFirst, 0, first);
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    own(kept[i].offset, kept[i].id, kept[i].version, i + 1 < kept.size() ? kept[i + 1].offset : 0u);
  }
}

}  // namespace vmm::assigned
