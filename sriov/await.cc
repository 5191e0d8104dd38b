#include "sriov/await.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sysfs/pci_device.h"

namespace sriov {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using sysfs::PciAddress;

struct Arrived {
  unsigned linked = 0;     // known to the kernel
  unsigned processed = 0;  // of these, announced by udev
};

Arrived Count(const sysfs::Tree& tree, const std::string& path, unsigned count,
              const std::set<PciAddress>& announced) {
  Arrived arrived;
  for (unsigned index = 0; index < count; ++index) {
    const auto name = sysfs::LinkName(tree, fmt::format("{}/virtfn{}", path, index));
    const auto address = PciAddress::Parse(name.value_or(std::string()));
    if (!address) continue;
    ++arrived.linked;
    if (announced.contains(*address)) ++arrived.processed;
  }
  return arrived;
}

}  // namespace

milliseconds CountDeadline(milliseconds base, unsigned count) {
  constexpr unsigned kMost = 300;
  return base + std::chrono::seconds(std::min(count, kMost));
}

base::Status AwaitFunctions(const sysfs::Tree& tree, const PciAddress& pf, unsigned count,
                            const Watch& watch, milliseconds limit,
                            const std::function<void(unsigned, unsigned)>& progress) {
  const std::string path = "/sys/bus/pci/devices/" + pf.ToString();
  const auto end = Clock::now() + limit;
  std::set<PciAddress> announced;
  unsigned shown = 0;
  while (true) {
    const Arrived arrived = Count(tree, path, count, announced);
    const unsigned done = watch ? arrived.processed : arrived.linked;
    if (progress && done > shown) progress(shown = done, count);
    if (done == count) return {};
    // What udev has announced by the deadline counts, however late we come to look.
    constexpr milliseconds kInterval(100);
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    const auto address = watch ? watch(std::clamp(left, milliseconds::zero(), kInterval))
                               : std::optional<PciAddress>();
    if (address) {
      announced.insert(*address);
    } else if (!watch || left <= milliseconds::zero()) {
      return base::Fail(
          base::Code::kTimedOut,
          fmt::format("{}: of {} virtual functions {} are known to the kernel and {} to udev",
                      pf.ToString(), count, arrived.linked, arrived.processed),
          "udevadm settle waits on; then run the command again");
    }
  }
}

}  // namespace sriov
