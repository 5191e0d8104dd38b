// Register accesses to the real device that cannot fail: what the device or the kernel does not
// answer reads as all ones, is ignored when written, and is logged at a limited rate. A device that
// has gone away never ends the machine.
//
// Thread safe.
#pragma once

#include <cstdint>

#include "sysfs/base/log.h"
#include "vfio/device.h"
#include "vmm/io.h"

namespace vmm::assigned {

class Hardware {
 public:
  explicit Hardware(vfio::Device device) : device_(std::move(device)) {}

  const vfio::Device& device() const { return device_; }

  uint32_t ReadConfig(uint16_t offset, Width width);
  void WriteConfig(uint16_t offset, Width width, uint32_t value);
  uint64_t ReadBar(unsigned index, uint64_t offset, Width width);
  void WriteBar(unsigned index, uint64_t offset, Width width, uint64_t value);

 private:
  uint64_t Read(uint32_t region, uint64_t offset, Width width);
  void Write(uint32_t region, uint64_t offset, Width width, uint64_t value);

  const vfio::Device device_;
  base::Limited log_;
};

}  // namespace vmm::assigned
