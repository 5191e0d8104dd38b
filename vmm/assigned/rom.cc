#include "vmm/assigned/rom.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "sysfs/base/bits.h"
#include "sysfs/base/log.h"
#include "sysfs/base/text.h"
#include "vmm/boot/file.h"

namespace vmm::assigned {
namespace {

using base::LoadLe;

constexpr uint16_t kSignature = 0xaa55;
constexpr size_t kDataPointer = 0x18;
// The PCI data structure.
constexpr uint32_t kDataSignature = 0x52494350;  // "PCIR"
constexpr size_t kVendor = 4;
constexpr size_t kDevice = 6;
constexpr size_t kLength = 0x10;  // in units of 512 bytes
constexpr size_t kIndicator = 0x15;
constexpr size_t kDataSize = 0x18;
constexpr uint8_t kLast = 0x80;
constexpr uint64_t kUnit = 512;

base::Failure NotARom(const std::string& why) {
  return base::Fail(base::Code::kUsage, why, "rom= takes the expansion ROM of this card, or off");
}

}  // namespace

base::Result<RomRequest> ParseRomRequest(std::string_view text) {
  if (text.empty())
    return base::Fail(base::Code::kUsage, "rom=: no file", "use rom=FILE or rom=off");
  if (text == "off") return RomRequest{true, {}};
  return RomRequest{false, std::string(text)};
}

base::Result<std::vector<std::string>> CheckRom(std::span<const std::byte> bytes,
                                                const RomOwner& owner) {
  std::vector<std::string> warnings;
  bool is_ours = false;
  std::string others;
  for (uint64_t at = 0;;) {
    if (bytes.size() - at < kDataPointer + 2 || LoadLe<uint16_t>(bytes, at) != kSignature) {
      if (at == 0) return NotARom("does not begin with 55 AA: not an expansion ROM");
      warnings.push_back(fmt::format("there is no image at {:#x}, where one is told of", at));
      break;
    }
    const uint64_t data = at + LoadLe<uint16_t>(bytes, at + kDataPointer);
    if (data > bytes.size() || bytes.size() - data < kDataSize ||
        LoadLe<uint32_t>(bytes, data) != kDataSignature) {
      warnings.push_back(fmt::format("the image at {:#x} has no PCI data structure", at));
      break;
    }
    const uint64_t length = LoadLe<uint16_t>(bytes, data + kLength) * kUnit;
    if (length == 0 || length > bytes.size() - at) {
      return NotARom(
          fmt::format("the image at {:#x} has {} bytes of {}", at, bytes.size() - at, length));
    }
    const auto vendor = LoadLe<uint16_t>(bytes, data + kVendor);
    const auto device = LoadLe<uint16_t>(bytes, data + kDevice);
    is_ours |= vendor == owner.vendor && device == owner.device;
    others = fmt::format("{:04x}:{:04x}", vendor, device);
    if ((LoadLe<uint8_t>(bytes, data + kIndicator) & kLast) != 0) break;
    at += length;
    if (at >= bytes.size()) break;
  }
  if (!is_ours && !others.empty()) {
    warnings.push_back(
        fmt::format("it is for {}, the card is {:04x}:{:04x}", others, owner.vendor, owner.device));
  }
  return warnings;
}

base::Result<std::vector<std::byte>> ReadRomFile(const std::string& path, const RomOwner& owner) {
  const boot::InputFile file = TRY(boot::OpenInput(path));
  if (file.size > kMostRomBytes) {
    return NotARom(fmt::format("{}: {}, an expansion ROM has at most {}", path,
                               base::FormatSize(file.size), base::FormatSize(kMostRomBytes)));
  }
  std::vector<std::byte> bytes = TRY(boot::ReadHead(file, file.size));
  auto warnings = CheckRom(bytes, owner);
  if (!warnings) return base::Failure(std::move(warnings).error().With(path));
  for (const std::string& warning : *warnings) {
    base::Log(base::Level::kWarning, "{}: {}", path, warning);
  }
  return bytes;
}

std::optional<pci::BarInfo> RomBar(uint64_t bytes) {
  if (bytes == 0 || bytes > kMostRomBytes) return std::nullopt;
  const uint64_t size = std::bit_ceil(std::max(bytes, base::kPageSize));
  return pci::BarInfo{pci::kRomBar, pci::BarKind::kMemory32, size, false};
}

base::Result<base::Mapping> FillRom(const vfio::Device& device, uint64_t size,
                                    std::span<const std::byte> file) {
  base::Mapping memory = TRY(base::Mapping::Anonymous(size));
  const std::span<std::byte> bytes = memory.bytes();
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  if (!file.empty()) {
    std::copy_n(file.begin(), std::min<size_t>(file.size(), size), bytes.begin());
    return memory;
  }
  const vfio::Region* region = device.region(vfio::kRomRegion);
  const uint64_t there = region == nullptr ? 0 : std::min(region->size, size);
  if (const auto status = device.Read(vfio::kRomRegion, 0, bytes.first(there)); !status) {
    base::Log(base::Level::kWarning, "the guest reads a part of the expansion ROM as all ones: {}",
              status.error().message());
  }
  return memory;
}

}  // namespace vmm::assigned
