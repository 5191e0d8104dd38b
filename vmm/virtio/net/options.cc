#include "vmm/virtio/net/options.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

namespace vmm::virtio {
namespace {

std::optional<uint8_t> Digit(char one) {
  if (one >= '0' && one <= '9') return static_cast<uint8_t>(one - '0');
  if (one >= 'a' && one <= 'f') return static_cast<uint8_t>(one - 'a' + 10);
  if (one >= 'A' && one <= 'F') return static_cast<uint8_t>(one - 'A' + 10);
  return std::nullopt;
}

// Two digits for each byte, a colon between two.
std::optional<Mac> ReadMac(std::string_view text) {
  Mac mac;
  if (text.size() != 3 * mac.bytes.size() - 1) return std::nullopt;
  for (size_t i = 0; i < mac.bytes.size(); ++i) {
    const auto high = Digit(text[3 * i]);
    const auto low = Digit(text[3 * i + 1]);
    if (!high || !low || (i != 0 && text[3 * i - 1] != ':')) return std::nullopt;
    mac.bytes.at(i) = static_cast<uint8_t>(*high << 4 | *low);
  }
  return mac;
}

}  // namespace

std::string Mac::Text() const { return fmt::format("{:02x}", fmt::join(bytes, ":")); }

base::Result<Mac> ParseMac(std::string_view text) {
  const auto mac = ReadMac(text);
  if (!mac) {
    return base::Fail(base::Code::kUsage, fmt::format("{}: not an Ethernet address", text),
                      "write it as 52:54:00:12:34:56");
  }
  if ((mac->bytes.front() & 1) != 0 || *mac == Mac{}) {
    return base::Fail(base::Code::kUsage, fmt::format("{}: no address of one device", text),
                      "the first byte is even, and not all are 0");
  }
  return *mac;
}

Mac RandomMac() {
  Mac mac;
  // So few bytes come whole, unless a signal comes first (getrandom(2)).
  while (::getrandom(mac.bytes.data(), mac.bytes.size(), 0) < 0 && errno == EINTR) continue;
  mac.bytes.front() = static_cast<uint8_t>((mac.bytes.front() & 0xfc) | 2);
  return mac;
}

}  // namespace vmm::virtio
