#include "vfio/handed_over.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "sysfs/base/text.h"
#include "sysfs/iommu_group.h"
#include "sysfs/pci_device.h"
#include "vfio/facts.h"

namespace vfio {
namespace {

using base::Code;
using base::Fail;
using Kind = HandedOver::Kind;

base::Failure NotOurs(int number, std::string_view what) {
  return Fail(
      Code::kUsage,
      fmt::format("fd={}: {}, not a VFIO device file, group, container or iommufd", number, what),
      "vassign with DEV --fds -- vmm run --assign fd={fd} --dma fd={dma}");
}

// The endpoints of the group.
base::Result<std::vector<sysfs::PciAddress>> Endpoints(const sysfs::Tree& tree, unsigned group) {
  std::vector<sysfs::PciAddress> endpoints;
  for (const sysfs::PciAddress& member : TRY(sysfs::ReadGroup(tree, group)).members) {
    const auto device = sysfs::ReadDevice(tree, member, sysfs::Detail::kBrief);
    if (device && !device->is_bridge()) endpoints.push_back(member);
  }
  return endpoints;
}

}  // namespace

Backend HandedOver::backend() const {
  return kind == Kind::kDeviceFile || kind == Kind::kIommufd ? Backend::kIommufd : Backend::kType1;
}

base::Result<HandedOver> RecogniseLink(int number, std::string_view target) {
  const auto parts = base::Split(target, '/');
  if (parts.size() < 3) return NotOurs(number, fmt::format("is {}", target));
  const std::string last(parts.back());
  const std::string_view folder = parts[parts.size() - 2];
  HandedOver found;
  found.number = number;
  if (folder == "vfio-dev") {
    const auto device = sysfs::PciAddress::Parse(parts[parts.size() - 3]);
    if (!device) return NotOurs(number, fmt::format("is {}", target));
    found.device = *device;
    found.node = DeviceNode(last);
  } else if (folder == "vfio" && last.starts_with("noiommu-")) {
    return Fail(Code::kUnfit, fmt::format("fd={}: a group in no-IOMMU mode: no IOMMU protects the "
                                          "host from the device",
                                          number));
  } else if (const auto id = base::ParseDecimal(last, UINT32_MAX); folder == "vfio" && id) {
    found.kind = Kind::kGroup;
    found.group = static_cast<unsigned>(*id);
    found.node = GroupNode(*found.group);
  } else if (folder == "misc" && last == "iommu") {
    found.kind = Kind::kIommufd;
    found.node = "/dev/iommu";
  } else if (folder == "misc" && last == "vfio") {
    found.kind = Kind::kContainer;
    found.node = "/dev/vfio/vfio";
  } else {
    return NotOurs(number, fmt::format("is {}", target));
  }
  return found;
}

base::Result<HandedOver> Recognise(const sysfs::Tree& tree, int number) {
  struct stat status {};
  if (::fstat(number, &status) != 0) {
    return Fail(Code::kUsage, fmt::format("fd={}: no such open descriptor", number),
                "vassign with --fds passes descriptors on; a shell does with 5<>FILE");
  }
  if (!S_ISCHR(status.st_mode)) return NotOurs(number, "is no device");
  const auto name = fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
  const auto target = tree.ReadLink("/sys/dev/char/" + name);
  if (!target) return NotOurs(number, "is device " + name);
  return RecogniseLink(number, *target);
}

base::Result<sysfs::PciAddress> DeviceOf(const sysfs::Tree& tree, const HandedOver& descriptor,
                                         const std::optional<sysfs::PciAddress>& named) {
  if (descriptor.device) {
    if (!named || *named == *descriptor.device) return *descriptor.device;
    return Fail(Code::kUsage, fmt::format("fd={}: is {}, not {}", descriptor.number,
                                          descriptor.device->ToString(), named->ToString()));
  }
  if (!descriptor.group) {
    return Fail(Code::kUsage,
                fmt::format("fd={}: is {}, not a device", descriptor.number, descriptor.node),
                "give it as --dma fd=" + std::to_string(descriptor.number));
  }
  const auto endpoints = TRY(Endpoints(tree, *descriptor.group));
  if (named) {
    if (std::find(endpoints.begin(), endpoints.end(), *named) != endpoints.end()) return *named;
    return Fail(Code::kUsage, fmt::format("fd={}: {} is not in IOMMU group {}", descriptor.number,
                                          named->ToString(), *descriptor.group));
  }
  if (endpoints.size() == 1) return endpoints.front();
  return Fail(Code::kUsage,
              fmt::format("fd={}: IOMMU group {} has {} devices", descriptor.number,
                          *descriptor.group, endpoints.size()),
              fmt::format("name the one that is meant: fd={},host=DEV", descriptor.number));
}

base::Status HandedOverKernel::Take(const HandedOver& descriptor) {
  const std::lock_guard lock(mutex_);
  if (const auto known = entries_.find(descriptor.node); known != entries_.end()) {
    if (known->second.fd.raw() == descriptor.number) return {};
    return Fail(Code::kUsage, fmt::format("fd={}: {} is given by another descriptor too",
                                          descriptor.number, descriptor.node));
  }
  if (::fcntl(descriptor.number, F_SETFD, FD_CLOEXEC) < 0)
    return base::FailErrno(fmt::format("fd={}", descriptor.number), errno);
  const bool is_shared = descriptor.kind == Kind::kIommufd || descriptor.kind == Kind::kContainer;
  entries_.emplace(descriptor.node, Entry{base::Fd(descriptor.number), is_shared});
  return {};
}

base::Result<base::Fd> HandedOverKernel::Open(const std::string& path, int flags) {
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(path);
    if (entry != entries_.end() && entry->second.is_shared) return entry->second.fd.Duplicate();
    if (entry != entries_.end()) return std::move(entries_.extract(entry).mapped().fd);
  }
  return below_->Open(path, flags);
}

}  // namespace vfio
