// What the guest sees as registers.
//
// Read and Write are called from any vCPU thread, several at once; a device locks itself. A device
// never fails: what it does not know reads as all ones and ignores writes.
#pragma once

#include <cstdint>
#include <string_view>

namespace vmm {

enum class Width : uint8_t { k1 = 1, k2 = 2, k4 = 4, k8 = 8 };

struct Access {
  uint64_t offset = 0;  // inside the device's range
  Width width = Width::k1;

  unsigned bytes() const { return static_cast<unsigned>(width); }
};

// All ones in the access's width.
constexpr uint64_t AllOnes(Width width) {
  return width == Width::k8 ? ~uint64_t{0}
                            : (uint64_t{1} << (8 * static_cast<unsigned>(width))) - 1;
}

class IoDevice {
 public:
  virtual ~IoDevice() = default;
  virtual std::string_view name() const = 0;
  virtual uint64_t Read(Access access) = 0;
  virtual void Write(Access access, uint64_t value) = 0;
};

}  // namespace vmm
