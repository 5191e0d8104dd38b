#include "vmm/virtio/balloon/settings.h"

#include <fmt/format.h>

#include "sysfs/base/address.h"
#include "sysfs/base/text.h"
#include "vmm/virtio/setting.h"

namespace vmm::virtio {
namespace {

using base::Code;
using base::Fail;

constexpr uint64_t kMostSeconds = 86400;

base::Status ParseOne(const Setting& setting, BalloonOptions& balloon) {
  const auto& [part, name, value] = setting;
  if (name == "size") {
    balloon.size = base::ParseSize(value);
    if (!balloon.size || *balloon.size == 0 || *balloon.size % base::kPageSize != 0) {
      return Fail(Code::kUsage, fmt::format("{}: not a size", part),
                  "give a multiple of 4K, such as 512M: what the guest is to have");
    }
  } else if (name == "reporting") {
    balloon.reporting = TRY(ParseSwitch(setting));
  } else if (name == "deflate-on-oom") {
    balloon.deflate_on_oom = TRY(ParseSwitch(setting));
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
  const auto settings = TRY(ParseSettings(parts));
  for (const Setting& one : settings) TRY(ParseOne(one, balloon));
  return balloon;
}

}  // namespace vmm::virtio
