// The last bytes on their way to a descriptor. Not thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vmm::virtio {

class OutputRing {
 public:
  static constexpr size_t kRoom = size_t{64} << 10;

  // The oldest make way, and are counted.
  void Push(std::span<const std::byte> bytes);
  // So many bytes never came here.
  void Lose(uint64_t count) { dropped_ += count; }
  // The oldest, as many as lie together.
  std::span<const std::byte> Front() const;
  void Pop(size_t count);
  size_t size() const { return size_; }
  uint64_t dropped() const { return dropped_; }

 private:
  std::vector<std::byte> bytes_;  // kRoom of them with the first Push
  size_t first_ = 0;
  size_t size_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace vmm::virtio
