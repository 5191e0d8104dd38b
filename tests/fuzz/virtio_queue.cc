#include "tests/fuzz/virtio_queue.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  testing::FLAGS_gtest_break_on_failure = true;
  test::Input input(data, size);
  test::virtio_queue::PlayHostile(input);
  return 0;
}
