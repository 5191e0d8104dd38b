#include "sriov/functions.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "sysfs/capability.h"
#include "sysfs/strict_read.h"

namespace sriov {
namespace {

using sysfs::PciAddress;
using sysfs::PciDevice;
using sysfs::Tree;

// The port's own interface: representors of virtual functions sit at the same device and are called
// "pf0vf3" (Documentation/networking/devlink/devlink-port.rst).
base::Result<std::string> PortInterface(const Tree& tree, const PciDevice& device) {
  for (const std::string& name : TRY(sysfs::ListIfThere(tree, device.path() + "/net"))) {
    const auto port =
        sysfs::ReadText(tree, fmt::format("{}/net/{}/phys_port_name", device.path(), name));
    if (!port || port->find("vf") == std::string::npos) return name;
  }
  return std::string();
}

base::Status CheckPhysical(const PciDevice& device) {
  if (device.sriov_totalvfs) return {};
  if (device.physfn) {
    return base::Fail(base::Code::kUnsupported,
                      fmt::format("{}: is a virtual function itself", device.address.ToString()),
                      fmt::format("name the physical one: {}", device.physfn->ToString()));
  }
  return base::Fail(base::Code::kUnsupported,
                    device.address.ToString() + ": has no SR-IOV, or the firmware switched it off",
                    "vassign list --pf shows the devices that have it");
}

// None of an interface that is not in this network namespace.
base::Status ReadLinks(VfLinks& links, PhysicalFunction& pf) {
  const auto all = links.Read(pf.interface);
  if (!all && all.error().code() == base::Code::kNotFound) return {};
  if (!all) return base::Failure(all.error());
  for (VirtualFunction& function : pf.functions) {
    const auto found = all->find(function.index);
    if (found != all->end()) function.attributes = found->second;
  }
  return {};
}

void ReadDrive(NvmeAdmin& nvme, PhysicalFunction& pf) {
  const auto primary = nvme.ReadPrimary();
  const auto all = nvme.ReadSecondaries();
  if (!primary || !all) return;
  pf.primary = *primary;
  for (VirtualFunction& function : pf.functions) {
    const auto found = std::find_if(all->begin(), all->end(), [&](const NvmeSecondary& one) {
      return one.function == function.index + 1;
    });
    if (found != all->end()) function.controller = *found;
  }
}

}  // namespace

base::Result<PhysicalFunction> ReadFunctions(const Tree& tree, const PciAddress& address,
                                             const Sources& sources) {
  PhysicalFunction pf;
  pf.device = TRY(sysfs::ReadDevice(tree, address));
  TRY(CheckPhysical(pf.device));
  const std::string path = pf.device.path();
  pf.total = *pf.device.sriov_totalvfs;
  pf.count = pf.device.sriov_numvfs.value_or(0);
  if (const auto autoprobe = TRY(sysfs::ReadIfThere(tree, path + "/sriov_drivers_autoprobe")))
    pf.autoprobe = base::ParseDecimal(base::Trim(*autoprobe)) != uint64_t{0};
  const auto msix = sysfs::ReadDecimal(tree, path + "/sriov_vf_total_msix");
  if (msix) pf.msix_total = static_cast<unsigned>(*msix);
  pf.interface = TRY(PortInterface(tree, pf.device));
  pf.nvme = TRY(NvmeController(tree, pf.device));
  for (const PciAddress& function : pf.device.virtfns) {
    VirtualFunction one;
    one.index = static_cast<unsigned>(pf.functions.size());
    one.device = TRY(sysfs::ReadDevice(tree, function));
    one.msix_count = ReadMsixCount(tree, one.device);
    pf.functions.push_back(std::move(one));
  }
  if (sources.links != nullptr && !pf.interface.empty()) TRY(ReadLinks(*sources.links, pf));
  if (sources.nvme != nullptr && !pf.nvme.empty()) ReadDrive(*sources.nvme, pf);
  return pf;
}

base::Result<std::vector<PciAddress>> ListPhysicalFunctions(const Tree& tree) {
  std::vector<PciAddress> all = TRY(sysfs::ListDevices(tree));
  std::erase_if(all, [&](const PciAddress& address) {
    return !tree.Exists(fmt::format("/sys/bus/pci/devices/{}/sriov_totalvfs", address.ToString()));
  });
  return all;
}

base::Result<std::string> NvmeController(const Tree& tree, const PciDevice& device) {
  const auto names = TRY(sysfs::ListIfThere(tree, device.path() + "/nvme"));
  return names.empty() ? std::string() : names.front();
}

std::optional<unsigned> ReadMsixCount(const Tree& tree, const PciDevice& device) {
  constexpr size_t kHeader = 64;  // more is read by root alone
  constexpr size_t kConfig = 256;
  const auto config = tree.ReadBytes(device.path() + "/config", kConfig);
  if (!config || config->size() <= kHeader) return std::nullopt;
  const auto offset = sysfs::FindCapability(*config, sysfs::CapabilityId::kMsix);
  if (!offset) return 0;
  const auto control = base::LoadLe<uint16_t>(
      *config, static_cast<size_t>(*offset) + sysfs::registers::msix::kControl);
  return sysfs::registers::msix::TableSize::Get(control) + 1U;
}

}  // namespace sriov
