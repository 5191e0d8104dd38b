#include "vmm/fault_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace vmm {
namespace {

struct Meaning {
  std::string_view place;
  std::string_view cure;
};

Meaning MeaningOf(uint64_t address, const Layout& layout) {
  const auto has = [&](const base::Range& range) { return range.Contains(address); };
  if (std::any_of(layout.ram.begin(), layout.ram.end(), has)) {
    return {"memory that it does not have now",
            "a balloon took it, or the device joined a moment ago: the guest's driver uses memory "
            "that it gave away"};
  }
  if (has(layout.mmio32) || has(layout.mmio64)) {
    return {"another device's registers",
            "DMA between devices is not offered: switch it off in the guest's driver"};
  }
  return {"no memory of the guest",
          "the driver in the guest is wrong or out of date, or the device kept working after a "
          "reset: try another driver, then the device on the host"};
}

}  // namespace

std::string FaultText(const std::string& device, const sysfs::IommuFault& fault,
                      const Layout& layout) {
  const Meaning meaning = MeaningOf(fault.address, layout);
  return fmt::format(
      "{}: the IOMMU stopped its DMA: it wanted to {} {:#x}, which is {}{}{}{}\n  hint: {}", device,
      fault.write ? "write to" : "read from", fault.address, meaning.place,
      fault.reason.empty() ? "" : " (", fault.reason, fault.reason.empty() ? "" : ")",
      meaning.cure);
}

}  // namespace vmm
