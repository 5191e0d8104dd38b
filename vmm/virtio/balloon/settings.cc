#include "vmm/virtio/balloon/settings.h"

#include <fmt/format.h>

#include <set>

#include "sysfs/base/address.h"
#include "sysfs/base/text.h"

namespace vmm::virtio {
namespace {

using base::Code;
using base::Fail;

constexpr uint64_t kMostSeconds = 86400;

base::Result<bool> ParseSwitch(std::string_view part, std::string_view value) {
  if (value == "on") return true;
  if (value == "off") return false;
  return Fail(Code::kUsage, fmt::format("{}: neither on nor off", part));
}

base::Status ParsePart(std::string_view part, BalloonOptions& balloon) {
  const size_t sign = part.find('=');
  const std::string_view name = part.substr(0, sign);
  const std::string_view value =
      sign == std::string_view::npos ? std::string_view() : part.substr(sign + 1);
  if (name == "size") {
    balloon.size = base::ParseSize(value);
    if (!balloon.size || *balloon.size == 0 || *balloon.size % base::kPageSize != 0) {
      return Fail(Code::kUsage, fmt::format("{}: not a size", part),
                  "give a multiple of 4K, such as 512M: what the guest is to have");
    }
  } else if (name == "reporting") {
    balloon.reporting = TRY(ParseSwitch(part, value));
  } else if (name == "deflate-on-oom") {
    balloon.deflate_on_oom = TRY(ParseSwitch(part, value));
  } else if (name == "statistics") {
    const auto seconds = base::ParseDecimal(value, kMostSeconds);
    if (!seconds) {
      return Fail(Code::kUsage, fmt::format("{}: not a number of seconds", part),
                  "0 (only when somebody asks for them) to 86400");
    }
    balloon.statistics = std::chrono::seconds(*seconds);
  } else {
    return Fail(Code::kUsage, fmt::format("unknown option \"{}\"", part),
                fmt::format("a balloon is {}", kBalloonForm));
  }
  return {};
}

}  // namespace

base::Result<BalloonOptions> ParseBalloon(const std::vector<std::string_view>& parts) {
  BalloonOptions balloon;
  std::set<std::string_view> seen;
  for (const std::string_view part : parts) {
    const std::string_view name = part.substr(0, part.find('='));
    if (!seen.insert(name).second) {
      return Fail(Code::kUsage, fmt::format("{} is given twice", name));
    }
    TRY(ParsePart(part, balloon));
  }
  return balloon;
}

}  // namespace vmm::virtio
