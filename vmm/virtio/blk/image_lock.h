// The locks of an image that keep two machines from it, of ours and of QEMU.
//
// Two that start together may see each other's locks, and a machine that ends lets go some time
// after: who is refused gives up what it has and tries again after a while by chance, for a short
// time altogether.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "vmm/virtio/blk/image.h"

namespace vmm::virtio {

// Waits for ImageOptions::lock_patience at most. kInUse names who has it open, as far as this user
// may know. A file system without locks is a warning.
base::Status LockImage(const ImageOptions& options, const base::Fd& fd);

// The processes that have this file open, but for `except`: "vmm (process 123)".
std::vector<std::string> HoldersOf(const base::Fd& fd, pid_t except);

}  // namespace vmm::virtio
