#include "tests/fuzz/host_tree.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  test::host_tree::Play(input);
  return 0;
}
