#include "tests/fuzz/guest_bars.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  test::guest_bars::Play(input);
  return 0;
}
