#include "cli/devices/vf_selector.h"

#include <fmt/format.h>

#include "cli/devices/selector.h"
#include "sysfs/base/text.h"

namespace cli {

using sysfs::PciAddress;

base::Result<VfRange> SelectVfRange(const sysfs::Tree& tree, std::string_view text) {
  constexpr std::string_view kPrefix = "vf:";
  constexpr unsigned kMost = 65535;
  const std::string quoted = base::Quote(text);
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  const size_t mark = text.rfind('#');
  const auto numbers =
      base::Split(mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1), '-');
  const auto first = base::ParseDecimal(numbers.front(), kMost);
  const auto last = numbers.size() == 2 ? base::ParseDecimal(numbers.back(), kMost) : first;
  if (!first || !last || *last < *first || numbers.size() > 2) {
    return base::Fail(base::Code::kUsage, quoted + ": not a virtual function",
                      "write the physical function and a number from 0 on: 03:00.0#3");
  }
  VfRange range;
  range.pf = TRY(SelectOne(tree, text.substr(0, mark)));
  range.first = static_cast<unsigned>(*first);
  range.last = static_cast<unsigned>(*last);
  return range;
}

base::Result<std::vector<PciAddress>> SelectVfs(const sysfs::Tree& tree, std::string_view text) {
  const VfRange range = TRY(SelectVfRange(tree, text));
  std::vector<PciAddress> found;
  for (unsigned index = range.first; index <= range.last; ++index) {
    const auto name = sysfs::LinkName(
        tree, fmt::format("/sys/bus/pci/devices/{}/virtfn{}", range.pf.ToString(), index));
    const auto address = PciAddress::Parse(name.value_or(std::string()));
    if (!address) {
      return base::Fail(base::Code::kNotFound,
                        fmt::format("{}: {} has no virtual function {}", base::Quote(text),
                                    range.pf.ToString(), index),
                        fmt::format("vassign sriov show {}", range.pf.ToString()));
    }
    found.push_back(*address);
  }
  return found;
}

}  // namespace cli
