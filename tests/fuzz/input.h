// The input of a fuzz target: values from the fuzzer's bytes.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include "tests/fuzz/taken.h"

namespace test {

using Input = FuzzedDataProvider;

inline std::vector<std::byte> TakeRest(Input& input) {
  return input.ConsumeRemainingBytes<std::byte>();
}

}  // namespace test
