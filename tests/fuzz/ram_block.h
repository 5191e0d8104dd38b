// Memory for a machine that lives as long as one input: zeroed, and the same pages for one input
// after the other. Fresh pages from the kernel for each would take longer than most games.
#pragma once

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace test {

// One thread's. The block is a heap block of just this size, so that the address sanitizer knows
// what lies beyond; it cannot be used after its end either.
class RamBlock {
 public:
  explicit RamBlock(size_t size) : size_(size), bytes_(Take(size)) {
    ASAN_UNPOISON_MEMORY_REGION(bytes_.get(), size_);
    std::fill_n(bytes_.get(), size_, std::byte{0});
  }
  RamBlock(const RamBlock&) = delete;
  RamBlock& operator=(const RamBlock&) = delete;
  ~RamBlock() {
    ASAN_POISON_MEMORY_REGION(bytes_.get(), size_);
    Idle()[size_].push_back(std::move(bytes_));
  }

  size_t size() const { return size_; }
  std::byte* data() { return bytes_.get(); }
  std::byte* begin() { return bytes_.get(); }
  std::byte* end() { return bytes_.get() + size_; }
  std::byte& operator[](size_t at) { return bytes_[at]; }
  const std::byte* data() const { return bytes_.get(); }
  const std::byte* begin() const { return bytes_.get(); }
  const std::byte* end() const { return bytes_.get() + size_; }
  const std::byte& operator[](size_t at) const { return bytes_[at]; }

 private:
  using Block = std::unique_ptr<std::byte[]>;
  // Never destroyed: a block may end after any other object.
  static std::map<size_t, std::vector<Block>>& Idle() {
    static auto* idle = new std::map<size_t, std::vector<Block>>;
    return *idle;
  }
  static Block Take(size_t size) {
    std::vector<Block>& idle = Idle()[size];
    if (idle.empty()) return Block(new std::byte[size]);
    Block block = std::move(idle.back());
    idle.pop_back();
    return block;
  }

  size_t size_;
  Block bytes_;
};

}  // namespace test
