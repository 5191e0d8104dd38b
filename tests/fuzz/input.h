// What the fuzz targets share: values from the fuzzer's bytes, and the check that ends a run.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "vmm/io.h"

namespace test {

using Input = FuzzedDataProvider;

inline void Check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

inline vmm::Width TakeWidth(Input& input) {
  return input.PickValueInArray({vmm::Width::k1, vmm::Width::k2, vmm::Width::k4, vmm::Width::k8});
}
// What a configuration access can be.
inline vmm::Width TakeConfigWidth(Input& input) {
  return input.PickValueInArray({vmm::Width::k1, vmm::Width::k2, vmm::Width::k4});
}

inline std::vector<std::byte> TakeBytes(Input& input, size_t limit) {
  return input.ConsumeBytes<std::byte>(input.ConsumeIntegralInRange<size_t>(0, limit));
}
inline std::vector<std::byte> TakeRest(Input& input) {
  return input.ConsumeRemainingBytes<std::byte>();
}

// Overwrites a few stretches among the first `range` bytes, so that what lies behind the checks of
// a magic number is reached without a corpus.
inline void Damage(std::vector<std::byte>& valid, size_t range, Input& input) {
  const auto changes = input.ConsumeIntegralInRange<unsigned>(0, 16);
  for (unsigned i = 0; i < changes && input.remaining_bytes() > 0; ++i) {
    const auto at = input.ConsumeIntegralInRange<size_t>(0, range - 1);
    const std::vector<std::byte> bytes = TakeBytes(input, std::min<size_t>(8, valid.size() - at));
    std::copy(bytes.begin(), bytes.end(), valid.begin() + static_cast<ptrdiff_t>(at));
  }
}

inline bool Inside(std::span<const std::byte> block, uint64_t at, uint64_t size) {
  return at <= block.size() && size <= block.size() - at;
}

}  // namespace test
