// A balloon's description in words, as the command line and the monitor have it. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/virtio/balloon/options.h"

namespace vmm::virtio {

inline constexpr std::string_view kBalloonForm =
    "[size=SIZE][,reporting=on|off][,deflate-on-oom=on|off][,statistics=SECONDS]";

// Settings, each "NAME=VALUE"; none is a balloon as it comes. kUsage names the setting and what it
// takes.
base::Result<BalloonOptions> ParseBalloon(const std::vector<std::string_view>& parts);

}  // namespace vmm::virtio
