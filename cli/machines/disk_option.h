// `--disk FILE[,OPTION]...` as a value. Pure.
#pragma once

#include <string_view>

#include "sysfs/base/result.h"
#include "vmm/virtio/blk/image.h"

namespace cli {

inline constexpr std::string_view kDiskForm =
    "FILE[,readonly][,serial=TEXT][,cache=MODE][,queues=N][,iops=N][,bps=SIZE]"
    "[,rerror=report|stop][,werror=report|stop|enospc][,format=raw]";

// kUsage names the option and what it takes. A file's name may hold no comma. `cpus` decides about
// the number of queues where it is not said.
base::Result<vmm::virtio::BlkOptions> ParseDisk(std::string_view text, unsigned cpus);

}  // namespace cli
