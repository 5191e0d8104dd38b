// What a start will cost the host: time for memory, interrupt vectors. Estimates, and exact needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sysfs/tree.h"
#include "vmm/ram/pages.h"

namespace vmm {

// Seconds, by what is known of current servers: a thread clears about 4 GiB a second, and the IOMMU
// driver pins a page in 0.06 us (4 KiB), 3.3 us (2 MiB) or 600 us (1 GiB). An order of magnitude.
struct MemoryCost {
  uint64_t pages = 0;  // as many as huge pages make it, at best
  uint64_t page_bytes = 0;
  double populate = 0;
  double pin = 0;
};
// `has_huge`: whether the kernel gives transparent huge pages.
MemoryCost EstimateMemory(uint64_t bytes, Pages pages, bool has_huge, unsigned threads);
// Whether it does to who asks (Documentation/admin-guide/mm/transhuge.rst, "enabled").
bool HasTransparentHuge(const sysfs::Tree& tree);

// The interrupt vectors of the host's processors, of which each MSI or MSI-X vector in use takes
// one.
struct VectorPool {
  std::optional<uint64_t> free;
  std::string source;  // where the number is from
};

// From debugfs irq/domains/VECTOR (root), else from the processors and /proc/interrupts.
VectorPool ReadVectorPool(const sysfs::Tree& tree);

// What the guest may use of a device.
struct VectorNeeds {
  bool pin = false;  // INTx
  unsigned msi = 0;  // 0: has no such capability
  unsigned msix = 0;
  bool known = false;  // configuration space was readable

  // The most that the guest can make the host allot: one kind is in use at a time.
  unsigned most() const;
  // What a driver that has a queue for each of its processors usually takes.
  unsigned usual(unsigned cpus) const;
};

VectorNeeds ReadVectorNeeds(const sysfs::Tree& tree, const std::string& device_path);

}  // namespace vmm
