#include "tests/fuzz/guest_msix.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  test::guest_msix::Play(input);
  return 0;
}
