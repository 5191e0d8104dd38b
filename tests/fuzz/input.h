// The input of a fuzz target: values from the fuzzer's bytes.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include "sysfs/base/log.h"
#include "tests/fuzz/taken.h"

namespace test {

using Input = FuzzedDataProvider;

// What most targets are: a game that is made from the input and played to its end.
template <class Game>
int PlayGame(const uint8_t* data, size_t size) {
  base::SetLogLevel(base::Level::kError);
  Input input(data, size);
  Game(input).Play();
  return 0;
}

inline std::vector<std::byte> TakeRest(Input& input) {
  return input.ConsumeRemainingBytes<std::byte>();
}

}  // namespace test
