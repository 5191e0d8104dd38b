// A kernel structure that ends in an array of entries, in one block of memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace vmm::kvm {

template <class Header, class Entry>
class Flexible {
  static_assert(std::is_trivially_copyable_v<Entry> && sizeof(Header) % alignof(Entry) == 0);

 public:
  // All zero, with room for `count` entries.
  explicit Flexible(size_t count)
      : words_((sizeof(Header) + count * sizeof(Entry) + sizeof(uint64_t) - 1) / sizeof(uint64_t)) {
  }

  Header& header() { return *reinterpret_cast<Header*>(words_.data()); }
  void* data() { return words_.data(); }
  Entry Get(size_t index) const {
    Entry entry;
    std::memcpy(&entry, At(index), sizeof entry);
    return entry;
  }
  void Set(size_t index, const Entry& entry) {
    std::memcpy(const_cast<std::byte*>(At(index)), &entry, sizeof entry);
  }

 private:
  const std::byte* At(size_t index) const {
    return reinterpret_cast<const std::byte*>(words_.data()) + sizeof(Header) +
           index * sizeof(Entry);
  }
  std::vector<uint64_t> words_;  // aligned for any kernel structure
};

}  // namespace vmm::kvm
