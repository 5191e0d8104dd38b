// Which kind of DMA space a machine gets (dma_space.h).
#include <fcntl.h>
#include <fmt/format.h>

#include <string>

#include "vfio/dma_space.h"
#include "vfio/explain.h"
#include "vfio/facts.h"
#include "vfio/iommufd_space.h"
#include "vfio/type1_space.h"

namespace vfio {
namespace {

using base::Code;

// 0, or the errno of opening it.
int TryOpen(base::Kernel& kernel, const std::string& path) {
  const auto fd = kernel.Open(path, O_RDWR);
  return fd ? 0 : fd.error().err();
}

std::string NamesOf(const std::vector<sysfs::PciAddress>& devices) {
  std::string names;
  for (const sysfs::PciAddress& device : devices)
    names += (names.empty() ? "" : ", ") + device.ToString();
  return names;
}

base::Result<Choice> ChooseIommufd(const BackendFacts& facts) {
  if (!facts.iommufd) return base::Failure(ExplainIommufd(facts.iommufd_error));
  if (facts.without_cdev.empty())
    return Choice{Backend::kIommufd, "iommufd: /dev/iommu and a device file of each device"};
  // Claim will say of each device whether its driver or the kernel is the cause.
  return Choice{Backend::kIommufd,
                fmt::format("iommufd, though {} has no device file", NamesOf(facts.without_cdev))};
}

base::Result<Choice> ChooseType1(const BackendFacts& facts, std::string reason) {
  if (!facts.container) return base::Failure(ExplainContainer(facts.container_error));
  return Choice{Backend::kType1, std::move(reason)};
}

}  // namespace

BackendFacts ProbeBackends(base::Kernel& kernel, const sysfs::Tree& tree,
                           std::span<const sysfs::PciAddress> devices) {
  BackendFacts facts;
  facts.iommufd_error = TryOpen(kernel, "/dev/iommu");
  facts.iommufd = facts.iommufd_error == 0;
  facts.container_error = TryOpen(kernel, "/dev/vfio/vfio");
  facts.container = facts.container_error == 0;
  for (const sysfs::PciAddress& device : devices) {
    if (!FindDeviceFile(tree, device)) facts.without_cdev.push_back(device);
  }
  return facts;
}

base::Result<Choice> ChooseBackend(const BackendFacts& facts, Backend wanted) {
  if (wanted == Backend::kIommufd) return ChooseIommufd(facts);
  if (wanted == Backend::kType1) return ChooseType1(facts, "type1: asked for");
  const bool complete = facts.iommufd && facts.without_cdev.empty();
  if (complete && facts.vf_token && facts.container)
    return ChooseType1(facts, "type1: device files take a VF token from Linux 6.18 on");
  if (complete || (facts.iommufd && !facts.container)) return ChooseIommufd(facts);
  if (facts.container) {
    return ChooseType1(
        facts, facts.iommufd
                   ? fmt::format("type1: {} has no device file", NamesOf(facts.without_cdev))
                   : fmt::format("type1: {}", ExplainIommufd(facts.iommufd_error).message()));
  }
  const base::Error container = ExplainContainer(facts.container_error);
  const base::Error iommufd = ExplainIommufd(facts.iommufd_error);
  const bool denied = container.code() == Code::kDenied || iommufd.code() == Code::kDenied;
  return base::Fail(denied ? Code::kDenied : Code::kUnsupported,
                    fmt::format("no VFIO here: {}; {}", iommufd.message(), container.message()),
                    denied && iommufd.code() == Code::kDenied ? iommufd.hint() : container.hint());
}

base::Result<std::unique_ptr<DmaSpace>> OpenSpace(base::Kernel& kernel, const sysfs::Tree& tree,
                                                  Backend backend) {
  if (backend == Backend::kAuto)
    backend = TRY(ChooseBackend(ProbeBackends(kernel, tree, {}), Backend::kAuto)).backend;
  if (backend == Backend::kIommufd) return IommufdSpace::Open(kernel, tree);
  return Type1Space::Open(kernel, tree);
}

}  // namespace vfio
