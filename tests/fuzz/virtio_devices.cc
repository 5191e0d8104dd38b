#include "tests/fuzz/virtio_devices.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  testing::FLAGS_gtest_break_on_failure = true;
  test::Input input(data, size);
  if (input.ConsumeBool()) {
    test::virtio_devices::PlayNet(input);
  } else {
    test::virtio_devices::PlayConsole(input);
  }
  return 0;
}
