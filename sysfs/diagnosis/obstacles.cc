#include "sysfs/diagnosis/obstacles.h"

#include <fmt/format.h>

#include "sysfs/diagnosis/device.h"
#include "sysfs/diagnosis/host.h"

namespace sysfs {
namespace {

base::Status Pass(const PciDevice& device, const Finding& finding) {
  if (finding.grade != Grade::kBlocker) return {};
  return base::Fail(
      finding.code,
      fmt::format("{}: {}: {}", device.address.ToString(), finding.check, finding.text),
      finding.cure);
}

}  // namespace

base::Status CheckObstacles(const Tree& tree, const PciDevice& device, bool loads_vfio_pci,
                            const std::function<std::optional<std::string>()>& kernel_log) {
  if (!device.iommu_group) return {};
  HostFacts facts;
  facts.groups = 1;
  ReadInterruptFacts(tree, facts);
  if (JudgeInterruptRemapping(facts).grade == Grade::kBlocker) {
    if (kernel_log) facts.log = kernel_log();
    return Pass(device, JudgeInterruptRemapping(facts));
  }
  const auto group = ReadGroup(tree, *device.iommu_group);
  if (group) {
    if (const auto reserved = JudgeReserved(*group)) TRY(Pass(device, *reserved));
  }
  if (!loads_vfio_pci) return {};
  facts.vfio_pci = ReadPresence(tree, "vfio_pci");
  return Pass(device, JudgeVfioDriver(facts));
}

}  // namespace sysfs
