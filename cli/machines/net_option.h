// `--net KIND[,OPTION]...` as a value. Pure.
#pragma once

#include <string_view>

#include "sysfs/base/result.h"
#include "vmm/virtio/net/options.h"

namespace cli {

inline constexpr std::string_view kNetForm =
    "tap[,ifname=NAME][,queues=N][,vhost=on|off]|socket,path=FILE[,listen], "
    "each [,mac=ADDRESS][,mtu=N][,rate=SIZE]";

// kUsage names the option and what it takes. A file's name may hold no comma.
base::Result<vmm::virtio::NetOptions> ParseNet(std::string_view text);

}  // namespace cli
