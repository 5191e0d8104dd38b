// `--balloon[=OPTION,...]` as a value. Pure.
#pragma once

#include <string_view>

#include "sysfs/base/result.h"
#include "vmm/virtio/balloon/options.h"

namespace cli {

inline constexpr std::string_view kBalloonForm =
    "[size=SIZE][,reporting=on|off][,deflate-on-oom=on|off][,statistics=SECONDS]";

// kUsage names the option and what it takes. An empty text is a balloon as it comes.
base::Result<vmm::virtio::BalloonOptions> ParseBalloon(std::string_view text);

}  // namespace cli
