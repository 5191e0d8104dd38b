// A network device's description in words, as the command line and the monitor have it. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/virtio/net/options.h"

namespace vmm::virtio {

inline constexpr std::string_view kNetForm =
    "tap[,ifname=NAME][,queues=N][,vhost=on|off]|socket,path=FILE[,listen], "
    "each [,mac=ADDRESS][,mtu=N][,rate=SIZE][,packed=on|off][,standby=ID]";

// The kind of link, then its settings, each "NAME" or "NAME=VALUE". kUsage names the setting and
// what it takes.
base::Result<NetOptions> ParseNet(const std::vector<std::string_view>& parts);

}  // namespace vmm::virtio
