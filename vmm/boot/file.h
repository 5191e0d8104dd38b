// Files that the user names: read whole, refused with a reason when they cannot be what is wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm::boot {

// An open regular file that is not empty.
struct InputFile {
  base::Fd fd;
  std::string path;
  uint64_t size = 0;
};

// kUsage when it is missing, empty, a directory or a device; kDenied without permission.
base::Result<InputFile> OpenInput(const std::string& path);
// The first `size` bytes, or all when the file has fewer.
base::Result<std::vector<std::byte>> ReadHead(const InputFile& file, uint64_t size);

}  // namespace vmm::boot
