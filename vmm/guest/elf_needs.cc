#include "vmm/guest/elf_needs.h"

#include <optional>

#include "sysfs/base/bits.h"
#include "vmm/boot/elf.h"

namespace vmm::guest {
namespace {

constexpr uint64_t kEnd = 0;
constexpr uint64_t kNeeded = 1;
constexpr uint64_t kStringTable = 5;
constexpr size_t kEntrySize = 16;
constexpr size_t kNameLimit = 4096;
constexpr size_t kLibraryLimit = 64;

base::Failure Damaged() { return base::Fail(base::Code::kUsage, "a damaged dynamic section"); }

// The text from an offset to its zero; nothing when it does not end inside the file.
std::optional<std::string> TextAt(std::span<const std::byte> file, uint64_t offset) {
  std::string text;
  for (uint64_t at = offset; at < file.size() && text.size() < kNameLimit; ++at) {
    const char c = static_cast<char>(file[at]);
    if (c == '\0') return text;
    text.push_back(c);
  }
  return std::nullopt;
}

std::optional<uint64_t> OffsetOf(const boot::ElfFile& elf, uint64_t address) {
  for (const boot::ElfSegment& segment : elf.segments) {
    const base::Range memory{segment.virtual_address, segment.file.size};
    if (segment.type == boot::kElfLoad && memory.Contains(address)) {
      return segment.file.base + (address - memory.base);
    }
  }
  return std::nullopt;
}

base::Result<std::vector<std::string>> LibrariesOf(const boot::ElfFile& elf,
                                                   std::span<const std::byte> file,
                                                   std::span<const std::byte> dynamic) {
  std::vector<uint64_t> names;
  std::optional<uint64_t> strings;
  for (; dynamic.size() >= kEntrySize; dynamic = dynamic.subspan(kEntrySize)) {
    const auto tag = base::LoadLe<uint64_t>(dynamic, 0);
    const auto value = base::LoadLe<uint64_t>(dynamic, 8);
    if (tag == kEnd) break;
    if (tag == kNeeded) names.push_back(value);
    if (tag == kStringTable) strings = OffsetOf(elf, value);
  }
  std::vector<std::string> libraries;
  if (names.empty()) return libraries;
  if (!strings || names.size() > kLibraryLimit) return Damaged();
  for (const uint64_t name : names) {
    const auto text = name < file.size() ? TextAt(file, *strings + name) : std::nullopt;
    if (!text || text->empty()) return Damaged();
    libraries.push_back(*text);
  }
  return libraries;
}

}  // namespace

base::Result<ElfNeeds> ParseNeeds(std::span<const std::byte> file) {
  const boot::ElfFile elf = TRY(boot::ParseElf(file));
  ElfNeeds needs;
  for (const boot::ElfSegment& segment : elf.segments) {
    const auto part = file.subspan(segment.file.base, segment.file.size);
    if (segment.type == boot::kElfInterpreter) {
      const auto text = TextAt(part, 0);
      if (!text || !text->starts_with('/')) return Damaged();
      needs.interpreter = *text;
    }
    if (segment.type == boot::kElfDynamic) needs.libraries = TRY(LibrariesOf(elf, file, part));
  }
  return needs;
}

}  // namespace vmm::guest
