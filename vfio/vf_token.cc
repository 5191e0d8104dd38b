#include "vfio/vf_token.h"

#include <fmt/format.h>

#include "sysfs/base/text.h"

namespace vfio {
namespace {

constexpr size_t kTextSize = 36;

constexpr bool IsDash(size_t position) {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

}  // namespace

base::Result<VfToken> VfToken::Parse(std::string_view text) {
  const auto wrong = [&] {
    return base::Fail(base::Code::kUsage, fmt::format("token={}: not a UUID", text),
                      "8-4-4-4-12 hexadecimal digits, as uuidgen prints them");
  };
  if (text.size() != kTextSize) return wrong();
  VfToken token;
  size_t count = 0;
  for (size_t at = 0; at < text.size();) {
    if (IsDash(at)) {
      if (text[at++] != '-') return wrong();
      continue;
    }
    const std::string_view digits = text.substr(at, 2);
    const auto value = base::ParseHex(digits, 0xff);
    if (!value || digits[1] == 'x' || digits[1] == 'X') return wrong();
    token.bytes.at(count++) = static_cast<uint8_t>(*value);
    at += 2;
  }
  return token;
}

std::string VfToken::ToString() const {
  std::string text;
  for (const uint8_t byte : bytes) {
    if (IsDash(text.size())) text += '-';
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

}  // namespace vfio
