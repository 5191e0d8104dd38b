// What kind of kernel file this is, by its first bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sysfs/base/result.h"

namespace vmm::boot {

enum class ImageKind : uint8_t { kBzImage, kElf };

// How many of the file's first bytes Recognise looks at.
inline constexpr size_t kRecogniseBytes = 4096;

// kUsage says what the file is instead of a kernel, and what to give. Pure.
base::Result<ImageKind> Recognise(std::span<const std::byte> head);

}  // namespace vmm::boot
