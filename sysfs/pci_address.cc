#include "sysfs/pci_address.h"

#include <fmt/compile.h>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

// A field of one to `digits` hexadecimal digits, at most `max`.
std::optional<uint32_t> Field(std::string_view text, size_t digits, uint32_t max) {
  if (text.size() > digits) return std::nullopt;
  const auto value = base::ParseHex(text, max);
  if (!value) return std::nullopt;
  return static_cast<uint32_t>(*value);
}

base::Failure Malformed(std::string_view text) {
  return base::Fail(base::Code::kUsage, base::Quote(text) + ": not a PCI address",
                    "write [domain:]bus:device.function in hexadecimal, like 08:00.0 or "
                    "0000:08:00.0 (device at most 1f, function at most 7)");
}

}  // namespace

base::Result<PciAddress> PciAddress::Parse(std::string_view text) {
  const size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return Malformed(text);
  const auto parts = base::Split(text.substr(0, dot), ':');
  if (parts.size() < 2 || parts.size() > 3) return Malformed(text);
  const auto domain = parts.size() == 3 ? Field(parts.front(), 8, UINT32_MAX) : 0;
  const auto bus = Field(parts[parts.size() - 2], 2, 0xff);
  const auto device = Field(parts.back(), 2, 0x1f);
  const auto function = Field(text.substr(dot + 1), 1, 7);
  if (!domain || !bus || !device || !function) return Malformed(text);
  return PciAddress{*domain, static_cast<uint8_t>(*bus), static_cast<uint8_t>(*device),
                    static_cast<uint8_t>(*function)};
}

std::string PciAddress::ToString() const {
  return fmt::format(FMT_COMPILE("{:04x}:{:02x}:{:02x}.{:x}"), domain, bus, device, function);
}

}  // namespace sysfs
