#include "vmm/boot/pvh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

constexpr uint32_t kPhys32Entry = 18;
constexpr std::string_view kXenName("Xen\0", 4);
constexpr size_t kNoteHeaderSize = 12;
constexpr uint64_t kAddressEnd = 4 * base::kGiB;  // what 32-bit mode reaches

base::Failure Bad(std::string what) { return base::Fail(base::Code::kUsage, std::move(what)); }

// Names and descriptors are padded to 4 bytes, in segments with an alignment of 8 to 8.
std::optional<uint64_t> FindEntry(std::span<const std::byte> notes, uint64_t alignment) {
  while (notes.size() >= kNoteHeaderSize) {
    const auto name_size = base::LoadLe<uint32_t>(notes, 0);
    const auto value_size = base::LoadLe<uint32_t>(notes, 4);
    const auto type = base::LoadLe<uint32_t>(notes, 8);
    const uint64_t value_at = base::AlignUp(uint64_t{kNoteHeaderSize} + name_size, alignment);
    const uint64_t next = base::AlignUp(value_at + value_size, alignment);
    if (value_at + value_size > notes.size()) return std::nullopt;
    const bool xen = name_size == kXenName.size() &&
                     std::memcmp(notes.data() + kNoteHeaderSize, kXenName.data(), name_size) == 0;
    if (xen && type == kPhys32Entry) {
      if (value_size == 8) return base::LoadLe<uint64_t>(notes, value_at);
      if (value_size == 4) return base::LoadLe<uint32_t>(notes, value_at);
    }
    notes = notes.subspan(std::min<uint64_t>(next, notes.size()));
  }
  return std::nullopt;
}

base::Result<std::vector<PvhSegment>> SegmentsOf(const ElfFile& elf) {
  std::vector<PvhSegment> segments;
  for (const ElfSegment& segment : elf.segments) {
    if (segment.type != kElfLoad || segment.memory_size == 0) continue;
    const base::Range memory{segment.physical_address, segment.memory_size};
    if (memory.base < base::kMiB || memory.end() > kAddressEnd) {
      return Bad(
          fmt::format("an ELF kernel that wants {:#x} bytes at {:#x}, outside of 1 MiB to 4 "
                      "GiB",
                      memory.size, memory.base));
    }
    segments.push_back({segment.file, memory});
  }
  std::ranges::sort(segments, {}, [](const PvhSegment& segment) { return segment.memory.base; });
  const auto overlap = std::ranges::adjacent_find(
      segments, [](const auto& low, const auto& high) { return low.memory.Overlaps(high.memory); });
  if (overlap != segments.end()) {
    return Bad(fmt::format("a damaged ELF kernel: two segments overlap at {:#x}",
                           std::next(overlap)->memory.base));
  }
  return segments;
}

std::optional<uint64_t> EntryOf(const ElfFile& elf, std::span<const std::byte> file) {
  for (const ElfSegment& segment : elf.segments) {
    if (segment.type != kElfNote) continue;
    const auto notes = file.subspan(segment.file.base, segment.file.size);
    if (const auto entry = FindEntry(notes, segment.alignment == 8 ? 8 : 4)) return entry;
  }
  return std::nullopt;
}

}  // namespace

base::Result<PvhKernel> ParsePvh(std::span<const std::byte> file) {
  const ElfFile elf = TRY(ParseElf(file));
  const auto entry = EntryOf(elf, file);
  if (!entry) {
    return base::Fail(base::Code::kUsage,
                      "an ELF file without a PVH entry (no note XEN_ELFNOTE_PHYS32_ENTRY)",
                      "give a vmlinux built with CONFIG_PVH, or the bzImage of the same kernel");
  }
  PvhKernel kernel;
  kernel.segments = TRY(SegmentsOf(elf));
  const bool inside = std::ranges::any_of(
      kernel.segments, [&](const PvhSegment& segment) { return segment.memory.Contains(*entry); });
  if (!inside) {
    return Bad(fmt::format("a damaged ELF kernel: its PVH entry {:#x} is in no segment", *entry));
  }
  kernel.entry = static_cast<uint32_t>(*entry);
  kernel.end = kernel.segments.back().memory.end();
  return kernel;
}

}  // namespace vmm::boot
