#include "vmm/boot/elf.h"

#include <fmt/format.h>

#include "sysfs/base/bits.h"

namespace vmm::boot {
namespace {

constexpr uint32_t kMagic = 0x464c457f;
constexpr size_t kHeaderSize = 64;
constexpr uint8_t kClass64 = 2;
constexpr uint8_t kLittleEndian = 1;
constexpr uint16_t kMachineX86_64 = 62;
constexpr uint16_t kProgramHeaderSize = 56;
constexpr uint16_t kSegmentLimit = 128;  // a kernel has 5, a program about 12

base::Failure Bad(std::string what) { return base::Fail(base::Code::kUsage, std::move(what)); }

base::Status CheckIdentity(std::span<const std::byte> file) {
  if (file.size() < kHeaderSize) return Bad("a truncated ELF file: the header is not complete");
  if (base::LoadLe<uint32_t>(file, 0) != kMagic) return Bad("not an ELF file");
  if (base::LoadLe<uint8_t>(file, 4) != kClass64) return Bad("an ELF file, but not a 64-bit one");
  if (base::LoadLe<uint8_t>(file, 5) != kLittleEndian ||
      base::LoadLe<uint16_t>(file, 18) != kMachineX86_64) {
    return Bad("an ELF file for another machine than x86-64");
  }
  return {};
}

base::Result<ElfSegment> ParseSegment(std::span<const std::byte> file, size_t at, unsigned index) {
  ElfSegment segment;
  segment.type = base::LoadLe<uint32_t>(file, at);
  segment.file = {base::LoadLe<uint64_t>(file, at + 8), base::LoadLe<uint64_t>(file, at + 32)};
  segment.virtual_address = base::LoadLe<uint64_t>(file, at + 16);
  segment.physical_address = base::LoadLe<uint64_t>(file, at + 24);
  segment.memory_size = base::LoadLe<uint64_t>(file, at + 40);
  segment.alignment = base::LoadLe<uint64_t>(file, at + 48);
  const base::Range whole{0, file.size()};
  if (!base::CheckedRange(segment.file.base, segment.file.size) || !whole.Contains(segment.file)) {
    return Bad(fmt::format("a truncated ELF file: segment {} is outside of the file", index));
  }
  if (!base::CheckedRange(segment.physical_address, segment.memory_size) ||
      !base::CheckedRange(segment.virtual_address, segment.memory_size) ||
      (segment.type == kElfLoad && segment.memory_size < segment.file.size)) {
    return Bad(fmt::format("a damaged ELF file: the size of segment {} makes no sense", index));
  }
  return segment;
}

}  // namespace

base::Result<ElfFile> ParseElf(std::span<const std::byte> file) {
  TRY(CheckIdentity(file));
  ElfFile elf;
  elf.entry = base::LoadLe<uint64_t>(file, 24);
  const auto table = base::LoadLe<uint64_t>(file, 32);
  const auto size = base::LoadLe<uint16_t>(file, 54);
  const auto count = base::LoadLe<uint16_t>(file, 56);
  if (count == 0) return Bad("an ELF file without program headers: an object file, not a program");
  if (count > kSegmentLimit || size != kProgramHeaderSize) {
    return Bad(fmt::format("a damaged ELF file: {} program headers of {} bytes", count, size));
  }
  if (table > file.size() || file.size() - table < size_t{count} * size) {
    return Bad("a truncated ELF file: the program headers are outside of the file");
  }
  for (unsigned index = 0; index < count; ++index) {
    elf.segments.push_back(TRY(ParseSegment(file, table + size_t{index} * size, index)));
  }
  return elf;
}

}  // namespace vmm::boot
