#include "sysfs/base/mapping.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <utility>

namespace base {
namespace {

struct Reserved {
  void* base = nullptr;        // of the whole reservation
  size_t size = 0;             // of the whole reservation
  std::byte* start = nullptr;  // congruent to the wanted offset
};

// Address space only; the caller maps over part of it and gives the rest back with Trim.
Result<Reserved> Reserve(size_t size, uint64_t offset, size_t alignment) {
  const size_t whole = size + alignment;
  void* base =
      ::mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return FailErrno("reserve address space", errno);
  const auto address = reinterpret_cast<uintptr_t>(base);
  const uintptr_t skip = (offset - address) & (alignment - 1);
  return Reserved{base, whole, static_cast<std::byte*>(base) + skip};
}

void Trim(const Reserved& reserved, size_t used) {
  auto* base = static_cast<std::byte*>(reserved.base);
  const auto before = static_cast<size_t>(reserved.start - base);
  const size_t after = reserved.size - before - used;
  if (before > 0) ::munmap(base, before);
  if (after > 0) ::munmap(reserved.start + used, after);
}

Result<std::byte*> MapOver(const Reserved& reserved, size_t size, int protection, int flags, int fd,
                           off_t offset) {
  void* data = ::mmap(reserved.start, size, protection, flags | MAP_FIXED, fd, offset);
  if (data == MAP_FAILED) {
    const int err = errno;
    ::munmap(reserved.base, reserved.size);
    return FailErrno("map memory", err);
  }
  Trim(reserved, size);
  return static_cast<std::byte*>(data);
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Result<Mapping> Mapping::File(const Fd& fd, uint64_t offset, size_t size, Protection protection,
                              size_t alignment) {
  const Reserved reserved = TRY(Reserve(size, offset, alignment));
  const int bits = protection == Protection::kRead ? PROT_READ : PROT_READ | PROT_WRITE;
  return Mapping(
      TRY(MapOver(reserved, size, bits, MAP_SHARED, fd.raw(), static_cast<off_t>(offset))), size);
}

Result<Mapping> Mapping::Anonymous(size_t size, size_t alignment) {
  const Reserved reserved = TRY(Reserve(size, 0, alignment));
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  return Mapping(TRY(MapOver(reserved, size, PROT_READ | PROT_WRITE, flags, -1, 0)), size);
}

Result<Mapping> Mapping::Huge(size_t size, size_t page) {
  const Reserved reserved = TRY(Reserve(size, 0, page));
  const int flags =
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | std::countr_zero(page) << MAP_HUGE_SHIFT;
  return Mapping(TRY(MapOver(reserved, size, PROT_READ | PROT_WRITE, flags, -1, 0)), size);
}

}  // namespace base
