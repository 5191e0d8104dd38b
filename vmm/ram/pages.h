// Of which pages guest RAM is made.
//
// Transparent: anonymous memory, for which the kernel is asked for huge pages and gives what it
// has. The others are reserved pages of hugetlbfs (Documentation/admin-guide/mm/hugetlbpage.rst):
// the machine gets all of them or does not start, the host cannot take them back, and pinning is
// cheaper by the number of pages.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"

namespace vmm {

enum class Pages : uint8_t { kTransparent, kHuge2M, kHuge1G };

std::string_view PagesName(Pages pages);                 // "transparent", "2M", "1G"
std::optional<Pages> ParsePages(std::string_view text);  // as PagesName says
uint64_t PageBytes(Pages pages);                         // 2 MiB for transparent ones
inline bool IsReserved(Pages pages) { return pages != Pages::kTransparent; }

// The host's reserved pages of one size, over all NUMA nodes.
struct PagePool {
  bool exists = false;  // the processor and kernel have this size
  uint64_t pages = 0;   // in the pool
  uint64_t free = 0;
  uint64_t promised = 0;  // free, but reserved by a mapping that has not touched them
  uint64_t surplus = 0;   // more that the pool may grow by on demand

  uint64_t available() const { return (free > promised ? free - promised : 0) + surplus; }
};

PagePool ReadPagePool(const sysfs::Tree& tree, Pages pages);

// Pure. kUsage when the size is not a multiple of the page, kUnsupported without such pages here,
// kUnfit when too few are free, with the command that makes more.
base::Status CheckPages(Pages pages, uint64_t bytes, const PagePool& pool);

}  // namespace vmm
