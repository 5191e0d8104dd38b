#include "vmm/boot/bzimage.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string>

#include "sysfs/base/bits.h"
#include "vmm/boot/recognise.h"

namespace vmm::boot {
namespace {

// Offsets in the file and, up to the header's end, in boot_params too.
constexpr size_t kSetupSectors = 0x1f1;
constexpr size_t kSystemSize = 0x1f4;
constexpr size_t kHeaderLength = 0x201;
constexpr size_t kHeaderLengthBase = 0x202;
constexpr size_t kVersion = 0x206;
constexpr size_t kVersionString = 0x20e;  // less 0x200
constexpr size_t kLoadFlags = 0x211;
constexpr size_t kInitrdAddressMax = 0x22c;
constexpr size_t kAlignment = 0x230;
constexpr size_t kXLoadFlags = 0x236;
constexpr size_t kCommandLineSize = 0x238;
constexpr size_t kPreferredAddress = 0x258;
constexpr size_t kInitSize = 0x260;
constexpr size_t kHeaderEndMin = 0x264;  // init_size is the last field that we need

constexpr uint16_t kOldestVersion = 0x020c;  // the first with xloadflags
constexpr unsigned kDefaultSetupSectors = 4;
constexpr uint64_t kSectorSize = 512;
constexpr uint64_t kParagraphSize = 16;
constexpr uint64_t kAddressEnd = 4 * base::kGiB;  // what the first page tables map

using LoadedHigh = base::Field<0>;
using Kernel64 = base::Field<0>;

base::Failure Bad(std::string what) { return base::Fail(base::Code::kUsage, std::move(what)); }

base::Status CheckProtocol(std::span<const std::byte> head) {
  const auto version = base::LoadLe<uint16_t>(head, kVersion);
  if (version < kOldestVersion) {
    return base::Fail(
        base::Code::kUsage,
        fmt::format("a kernel with boot protocol {}.{:02}; 2.12 (Linux 3.8) is the oldest that has "
                    "a 64-bit entry",
                    version >> 8, version & 0xff),
        "give a newer kernel");
  }
  const uint64_t header_end = kHeaderLengthBase + base::LoadLe<uint8_t>(head, kHeaderLength);
  if (header_end < kHeaderEndMin || header_end > head.size()) {
    return Bad("a truncated or damaged kernel: the setup header does not reach to init_size");
  }
  if (LoadedHigh::Get(base::LoadLe<uint8_t>(head, kLoadFlags)) == 0) {
    return Bad("a zImage, which is loaded below 1 MiB; only a bzImage can be started");
  }
  if (Kernel64::Get(base::LoadLe<uint16_t>(head, kXLoadFlags)) == 0) {
    return base::Fail(base::Code::kUsage,
                      "a 32-bit kernel: it has no 64-bit entry (XLF_KERNEL_64 is not set)",
                      "give an x86-64 kernel");
  }
  return {};
}

// The protected-mode code. A signed file has more behind it, which is not loaded; syssize is
// rounded up to a paragraph that the file need not fill.
base::Result<base::Range> PayloadOf(std::span<const std::byte> head, uint64_t file_size) {
  const auto sectors = base::LoadLe<uint8_t>(head, kSetupSectors);
  const uint64_t start =
      (sectors == 0 ? kDefaultSetupSectors : sectors) * kSectorSize + kSectorSize;
  const uint64_t size = base::LoadLe<uint32_t>(head, kSystemSize) * kParagraphSize;
  if (size <= kEntry64Offset) return Bad("a damaged kernel: syssize is too small for its entry");
  if (file_size < start || file_size - start + kParagraphSize <= size) {
    return Bad(
        fmt::format("a truncated kernel: {} bytes, its header tells {}", file_size, start + size));
  }
  return base::Range{start, std::min<uint64_t>(size, file_size - start)};
}

base::Status CheckPlace(const BzImage& image, uint32_t alignment) {
  if (image.load_address < base::kMiB || image.load_address >= kAddressEnd ||
      image.memory_size > kAddressEnd - image.load_address) {
    return Bad(
        fmt::format("a damaged kernel: it wants {:#x} bytes at {:#x}, outside of 1 MiB to 4 "
                    "GiB",
                    image.memory_size, image.load_address));
  }
  if (!std::has_single_bit(alignment) || alignment < base::kPageSize ||
      image.load_address % alignment != 0) {
    return Bad(
        fmt::format("a damaged kernel: its address {:#x} is not a multiple of its alignment "
                    "{:#x}",
                    image.load_address, alignment));
  }
  return {};
}

}  // namespace

base::Result<BzImage> ParseBzImage(std::span<const std::byte> head, uint64_t file_size) {
  if (TRY(Recognise(head)) != ImageKind::kBzImage) return Bad("not a bzImage");
  TRY(CheckProtocol(head));
  BzImage image;
  image.version = base::LoadLe<uint16_t>(head, kVersion);
  const uint64_t header_end = kHeaderLengthBase + base::LoadLe<uint8_t>(head, kHeaderLength);
  image.header = {kSetupSectors, header_end - kSetupSectors};
  image.payload = TRY(PayloadOf(head, file_size));
  // A relocatable kernel below its preferred address moves itself there, so no other one is chosen.
  image.load_address = base::LoadLe<uint64_t>(head, kPreferredAddress);
  image.memory_size =
      std::max<uint64_t>(base::LoadLe<uint32_t>(head, kInitSize), image.payload.size);
  image.initrd_last = base::LoadLe<uint32_t>(head, kInitrdAddressMax);
  image.command_line_size = base::LoadLe<uint32_t>(head, kCommandLineSize);
  TRY(CheckPlace(image, base::LoadLe<uint32_t>(head, kAlignment)));
  return image;
}

// The string begins with the release, behind which stand the builder and the date.
std::optional<std::string> ReleaseOf(std::span<const std::byte> head) {
  constexpr size_t kLimit = 64;
  const auto offset = base::LoadLe<uint16_t>(head, kVersionString);
  const auto kind = Recognise(head);
  if (!kind || *kind != ImageKind::kBzImage || offset == 0) return std::nullopt;
  std::string release;
  for (size_t at = size_t{0x200} + offset; at < head.size() && release.size() < kLimit; ++at) {
    const char c = static_cast<char>(head[at]);
    const bool part = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '.' || c == '-' || c == '_' || c == '+' || c == '~';
    if (part) {
      release.push_back(c);
      continue;
    }
    const bool ended = (c == ' ' || c == '\0') && !release.empty() && release.front() != '.';
    return ended ? std::optional(release) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace vmm::boot
