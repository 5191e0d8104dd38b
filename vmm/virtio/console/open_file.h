// A file as the output of a virtio console.
#pragma once

#include <string>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm::virtio {

// A file, made when it is not there, to whose end is written; a FIFO or a terminal. Never waits: a
// FIFO that nobody reads is refused, and so is a block device. A confined thread may do it.
base::Result<base::Fd> OpenConsoleFile(const std::string& path);

}  // namespace vmm::virtio
