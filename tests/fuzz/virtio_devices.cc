#include "tests/fuzz/virtio_devices.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  testing::FLAGS_gtest_break_on_failure = true;
  test::Input input(data, size);
  switch (input.ConsumeIntegralInRange<int>(0, 2)) {
    case 0:
      test::virtio_devices::PlayNet(input);
      break;
    case 1:
      test::virtio_devices::PlayConsole(input);
      break;
    default:
      test::virtio_devices::PlayBalloon(input);
      break;
  }
  return 0;
}
