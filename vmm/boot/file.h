// Files that the user names: read whole, refused with a reason when they cannot be what is wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm::boot {

// Another one after each write to the file, but for one in the same tick of the clock that keeps
// the size. The time of status change (stat(2)) has no place in it: a chmod or a rename writes
// nothing.
struct Stamp {
  uint64_t size = 0;
  int64_t modified_ns = 0;

  bool operator==(const Stamp&) const = default;
};

// An open regular file that is not empty.
struct InputFile {
  base::Fd fd;
  std::string path;
  uint64_t size = 0;
  Stamp stamp;  // when it was opened, or last looked at
};

// kUsage when it is missing, empty, a directory or a device; kDenied without permission.
base::Result<InputFile> OpenInput(const std::string& path);
// The first `size` bytes, or all when the file has fewer.
base::Result<std::vector<std::byte>> ReadHead(const InputFile& file, uint64_t size);
// All of the bytes from the offset; an error names the file.
base::Status ReadInto(const InputFile& file, std::span<std::byte> bytes, uint64_t offset);
// Whether it was written to since `stamp`; brings stamp and size up to date.
base::Result<bool> HasChanged(InputFile& file);

}  // namespace vmm::boot
