// An owned memory mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace base {

enum class Protection : uint8_t { kRead, kReadWrite };

// Move-only; unmaps on destruction.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  // A shared mapping of `size` bytes of the file from `offset` (both multiples of the page size).
  // The address is congruent to `offset` modulo `alignment` (a power of two), so that the kernel
  // can use huge entries.
  static Result<Mapping> File(const Fd& fd, uint64_t offset, size_t size, Protection protection,
                              size_t alignment = 4096);
  // Private zeroed memory at a multiple of `alignment`.
  static Result<Mapping> Anonymous(size_t size, size_t alignment = 4096);
  // The same of reserved pages of `page` bytes (2 MiB, 1 GiB), of which `size` is a multiple. All
  // of them are set aside at once: touching the memory cannot fail later.
  static Result<Mapping> Huge(size_t size, size_t page);

  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  Mapping(std::byte* data, size_t size) : data_(data), size_(size) {}
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace base
