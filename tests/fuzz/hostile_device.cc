#include "tests/fuzz/hostile_device.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  test::hostile_device::Play(input);
  return 0;
}
