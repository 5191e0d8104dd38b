// What fuzz targets and random unit tests share: values out of an input (FuzzedDataProvider, or
// tests/support/random_input.h), and the check that ends a run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "vmm/io.h"

namespace test {

inline void Check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

template <class Input>
vmm::Width TakeWidth(Input& input) {
  return input.template PickValueInArray<vmm::Width>(
      {vmm::Width::k1, vmm::Width::k2, vmm::Width::k4, vmm::Width::k8});
}
// What a configuration access can be.
template <class Input>
vmm::Width TakeConfigWidth(Input& input) {
  return input.template PickValueInArray<vmm::Width>(
      {vmm::Width::k1, vmm::Width::k2, vmm::Width::k4});
}

template <class Input>
std::vector<std::byte> TakeBytes(Input& input, size_t limit) {
  return input.template ConsumeBytes<std::byte>(
      input.template ConsumeIntegralInRange<size_t>(0, limit));
}

// Overwrites a few stretches among the first `range` bytes, so that what lies behind the checks of
// a magic number is reached without a corpus.
template <class Input>
void Damage(std::vector<std::byte>& valid, size_t range, Input& input) {
  const auto changes = input.template ConsumeIntegralInRange<unsigned>(0, 16);
  for (unsigned i = 0; i < changes && input.remaining_bytes() > 0; ++i) {
    const auto at = input.template ConsumeIntegralInRange<size_t>(0, range - 1);
    const std::vector<std::byte> bytes = TakeBytes(input, std::min<size_t>(8, valid.size() - at));
    std::copy(bytes.begin(), bytes.end(), valid.begin() + static_cast<ptrdiff_t>(at));
  }
}

inline bool Inside(std::span<const std::byte> block, uint64_t at, uint64_t size) {
  return at <= block.size() && size <= block.size() - at;
}

}  // namespace test
