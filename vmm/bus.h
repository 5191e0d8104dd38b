// Finds the device of an address: the guest's port and memory spaces are one Bus each.
//
// The table is immutable and replaced whole, so a lookup takes no lock and a device may be attached
// or detached while vCPUs run. An access in flight finishes on the device that it found.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "vmm/io.h"

namespace vmm {

class Bus {
 public:
  Bus();
  // kInternal when the range is empty or overlaps another one.
  base::Status Attach(base::Range range, std::shared_ptr<IoDevice> device);
  // The range that was attached; nothing happens when it is not there.
  void Detach(base::Range range);

  // All ones where nobody is. An access that leaves its device's range finds nobody.
  uint64_t Read(uint64_t address, Width width) const;
  void Write(uint64_t address, Width width, uint64_t value) const;

 private:
  struct Entry {
    base::Range range;
    std::shared_ptr<IoDevice> device;
  };
  using Table = std::vector<Entry>;  // sorted by base
  static const Entry* Find(const Table& table, uint64_t address, Width width);

  std::mutex change_;  // one replacement at a time
  std::atomic<std::shared_ptr<const Table>> table_;
};

}  // namespace vmm
