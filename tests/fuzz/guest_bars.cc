#include "tests/fuzz/guest_bars.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static test::guest_bars::Game game;
  test::Input input(data, size);
  game.Play(input);
  return 0;
}
