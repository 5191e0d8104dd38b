// A serial port under any accesses of the guest, with input in between.
#include "vmm/devices/serial.h"

#include "tests/fuzz/input.h"

namespace {

struct Port {
  bool level = false;
  size_t output = 0;
  vmm::Serial serial{"serial",
                     {[this](std::span<const uint8_t> bytes) {
                        test::Check(!bytes.empty(), "output is called with bytes");
                        output += bytes.size();
                      },
                      [this](bool now) {
                        test::Check(now != level, "the interrupt is called at changes only");
                        level = now;
                      }}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  Port port;
  size_t written = 0;
  size_t waiting = 0;  // at most
  while (input.remaining_bytes() > 0) {
    const vmm::Access access{input.ConsumeIntegralInRange<uint64_t>(0, 8), test::TakeWidth(input)};
    switch (input.ConsumeIntegralInRange<unsigned>(0, 3)) {
      case 0: {
        const uint64_t value = port.serial.Read(access);
        test::Check(value <= vmm::AllOnes(access.width), "a value fits its width");
        break;
      }
      case 1:
        port.serial.Write(access, input.ConsumeIntegral<uint64_t>());
        ++written;
        break;
      case 2: {
        const std::vector<uint8_t> typed(input.ConsumeIntegralInRange<size_t>(0, 5000), 'x');
        const size_t taken = port.serial.Input(typed);
        test::Check(taken <= typed.size(), "no more is taken than given");
        waiting += taken;
        test::Check(taken == typed.size() || waiting >= vmm::Serial::kInputLimit,
                    "input is refused only when a lot waits");
        break;
      }
      default:
        port.serial.Flush();
    }
  }
  port.serial.Flush();
  test::Check(port.output <= written, "one byte is sent for a write at most");
  return 0;
}
