#include "vmm/virtio/guest_ram.h"

#include <algorithm>
#include <cstring>

namespace vmm::virtio {
namespace {

std::vector<GuestRam::Region> RegionsOf(const GuestMemory& memory) {
  std::vector<GuestRam::Region> regions;
  for (const GuestMemory::Block& block : memory.blocks()) {
    regions.push_back({block.base.value, block.mapping.bytes()});
  }
  return regions;
}

}  // namespace

GuestRam::GuestRam(const GuestMemory& memory) : GuestRam(RegionsOf(memory)) {}

std::span<std::byte> GuestRam::Find(uint64_t address, uint64_t size, Use use) const {
  if (use == Use::kRead && read_hook_) read_hook_();
  for (const Region& region : regions_) {
    // By subtraction: an address and a size of the guest may add up to anything.
    if (address < region.base || address - region.base >= region.bytes.size()) continue;
    const uint64_t offset = address - region.base;
    return region.bytes.subspan(offset, std::min<uint64_t>(size, region.bytes.size() - offset));
  }
  return {};
}

std::byte* GuestRam::Aligned(uint64_t address, uint64_t size, Use use) const {
  if (address % size != 0) return nullptr;
  const std::span<std::byte> bytes = Find(address, size, use);
  return bytes.size() == size ? bytes.data() : nullptr;
}

std::byte* GuestRam::HostAddress(uint64_t address, uint64_t size) const {
  const std::span<std::byte> bytes = Find(address, size, Use::kWrite);
  return bytes.size() == size ? bytes.data() : nullptr;
}

bool GuestRam::Contains(uint64_t address, uint64_t size) const {
  return std::any_of(regions_.begin(), regions_.end(), [&](const Region& region) {
    return base::Range{region.base, region.bytes.size()}.Contains(base::Range{address, size});
  });
}

bool GuestRam::IsRam(uint64_t address, uint64_t size) const {
  if (address + size < address) return false;
  for (uint64_t done = 0; done < size;) {
    const auto region = std::find_if(regions_.begin(), regions_.end(), [&](const Region& one) {
      return base::Range{one.base, one.bytes.size()}.Contains(address + done);
    });
    if (region == regions_.end()) return false;
    done = region->base + region->bytes.size() - address;
  }
  return true;
}

bool GuestRam::Read(uint64_t address, std::span<std::byte> into) const {
  if (!IsRam(address, into.size())) return false;
  for (size_t done = 0; done < into.size();) {
    const std::span<std::byte> part = Find(address + done, into.size() - done, Use::kRead);
    std::memcpy(into.data() + done, part.data(), part.size());
    done += part.size();
  }
  return true;
}

bool GuestRam::Write(uint64_t address, std::span<const std::byte> from) const {
  if (!IsRam(address, from.size())) return false;
  for (size_t done = 0; done < from.size();) {
    const std::span<std::byte> part = Find(address + done, from.size() - done, Use::kWrite);
    std::memcpy(part.data(), from.data() + done, part.size());
    done += part.size();
  }
  return true;
}

bool GuestRam::Append(uint64_t address, uint64_t size, Use use, std::vector<iovec>& to) const {
  if (!IsRam(address, size)) return false;
  for (uint64_t done = 0; done < size;) {
    const std::span<std::byte> part = Find(address + done, size - done, use);
    to.push_back({part.data(), part.size()});
    done += part.size();
  }
  return true;
}

}  // namespace vmm::virtio
