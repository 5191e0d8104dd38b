#include "sriov/mac.h"

#include <fmt/format.h>

#include "sysfs/base/text.h"

namespace sriov {

base::Result<MacAddress> MacAddress::ParseAny(std::string_view text) {
  const char separator = text.find('-') == std::string_view::npos ? ':' : '-';
  const auto parts = base::Split(text, separator);
  MacAddress mac;
  bool is_good = parts.size() == mac.bytes.size();
  for (size_t i = 0; is_good && i < parts.size(); ++i) {
    const auto value = base::ParseHex(parts[i], UINT8_MAX);
    is_good = value && parts[i].size() == 2;
    if (is_good) mac.bytes[i] = static_cast<uint8_t>(*value);
  }
  if (is_good) return mac;
  return base::Fail(base::Code::kUsage, base::Quote(text) + ": not a MAC address",
                    "for example 02:00:5e:10:00:01");
}

base::Result<MacAddress> MacAddress::Parse(std::string_view text) {
  const MacAddress mac = TRY(ParseAny(text));
  const bool is_group = (mac.bytes[0] & 1) != 0;
  if (!is_group && !mac.is_zero()) return mac;
  return base::Fail(base::Code::kUsage,
                    base::Quote(text) + (is_group ? ": a group address; no function can have it"
                                                  : ": zeros stand for no address"),
                    "the first byte must be even: 02:00:5e:10:00:01");
}

std::string MacAddress::ToString() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2],
                     bytes[3], bytes[4], bytes[5]);
}

MacAddress StableMac(std::string_view machine_id, const sysfs::PciAddress& pf, unsigned index) {
  // FNV-1a, 64 bits, and a last mixing step: neighbours shall differ in all bytes.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : fmt::format("{}/{}/{}", machine_id, pf.ToString(), index)) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  }
  hash ^= hash >> 32;
  hash *= 0x9fb21c651e98df25;
  hash ^= hash >> 29;
  MacAddress mac;
  for (size_t i = 0; i < mac.bytes.size(); ++i) mac.bytes[i] = static_cast<uint8_t>(hash >> 8 * i);
  constexpr uint8_t kLocal = 2;
  constexpr uint8_t kFlags = 3;
  mac.bytes[0] = static_cast<uint8_t>((mac.bytes[0] & ~kFlags) | kLocal);
  return mac;
}

}  // namespace sriov
