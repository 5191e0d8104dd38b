// A disk's description in words, as the command line and the monitor have it. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/virtio/blk/image.h"

namespace vmm::virtio {

inline constexpr std::string_view kDiskForm =
    "FILE[,readonly][,serial=TEXT][,cache=MODE][,queues=N][,packed=on|off][,iops=N][,bps=SIZE]"
    "[,rerror=report|stop][,werror=report|stop|enospc][,format=raw]";

// The file, then its settings, each "NAME" or "NAME=VALUE". kUsage names the setting and what it
// takes. `cpus` decides about the number of queues where it is not said.
base::Result<BlkOptions> ParseDisk(const std::vector<std::string_view>& parts, unsigned cpus);

}  // namespace vmm::virtio
