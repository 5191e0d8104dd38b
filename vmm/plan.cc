#include "vmm/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "sysfs/iommu_width.h"
#include "vmm/pci/port_plan.h"
#include "vmm/ram/balloon_pages.h"
#include "vmm/virtio/transport/pci_layout.h"

namespace vmm {
namespace {

using base::Code;
using base::Fail;

constexpr unsigned kLastSlot = 31;
constexpr std::string_view kPinned =
    "all guest RAM is pinned for its DMA, and pinned pages are never merged";

bool IsOnVfio(const sysfs::Tree& tree, const sysfs::PciDevice& device) {
  if (!device.driver) return false;
  return *device.driver == "vfio-pci" || tree.Exists(device.path() + "/vfio-dev");
}

std::string DescribeBlockers(const std::vector<sysfs::Blocker>& blockers) {
  std::string text;
  for (const sysfs::Blocker& blocker : blockers) {
    text += fmt::format("{}{} (driver {})", text.empty() ? "" : ", ", blocker.address.ToString(),
                        blocker.driver);
  }
  return text;
}

void AddBars(const HostDevice& host, LayoutRequest& request) {
  for (const sysfs::PciBar& bar : host.bars) {
    if (bar.index >= sysfs::PciBar::kRom || !bar.is_memory()) continue;
    const uint64_t size = base::AlignUp(bar.size, base::kPageSize);
    // Twice the size leaves room for natural alignment whatever the order.
    (bar.is_64_bit() ? request.bar64_bytes : request.bar32_bytes) += 2 * size;
  }
}

std::optional<ReservedRange> Untranslated(const HostDevice& host) {
  if (!host.iommu_bits || *host.iommu_bits >= 64) return std::nullopt;
  return ReservedRange{uint64_t{1} << *host.iommu_bits, UINT64_MAX,
                       fmt::format("beyond the {} bits that the IOMMU of {} translates",
                                   *host.iommu_bits, host.device.address.ToString())};
}

void AddReserved(const HostDevice& host, LayoutRequest& request) {
  for (const sysfs::ReservedRegion& region : host.group.reserved) {
    if (region.kind == sysfs::ReservedKind::kDirectRelaxable) continue;
    request.reserved.push_back({region.start, region.last,
                                fmt::format("{}, IOMMU group {} of {}", region.kind_name,
                                            host.group.id, host.device.address.ToString())});
  }
  const auto untranslated = Untranslated(host);
  if (untranslated && (!request.untranslated || untranslated->start < request.untranslated->start))
    request.untranslated = untranslated;
}

base::Status CheckFit(const HostDevice& host) {
  const sysfs::PciDevice& device = host.device;
  const std::string name = device.address.ToString();
  if (device.is_bridge()) {
    return Fail(Code::kUnfit, name + ": is a bridge; only endpoints can be assigned");
  }
  if (!device.iommu_group) {
    return Fail(Code::kUnfit, name + ": has no IOMMU group: the IOMMU is off or absent",
                "switch VT-d or AMD-Vi on in the firmware; on Intel boot with intel_iommu=on");
  }
  return {};
}

base::Status CheckReady(const HostDevice& host) {
  const sysfs::PciDevice& device = host.device;
  const std::string name = device.address.ToString();
  if (!host.on_vfio) {
    const std::string owner =
        device.driver ? "is on its host driver " + *device.driver : "has no driver";
    return Fail(Code::kInUse, fmt::format("{}: {}, not on vfio-pci", name, owner),
                "vassign bind " + name);
  }
  if (!host.blockers.empty()) {
    return Fail(Code::kUnfit,
                fmt::format("{}: IOMMU group {} is not viable: the host uses {}", name,
                            host.group.id, DescribeBlockers(host.blockers)),
                "vassign bind " + host.blockers.front().address.ToString());
  }
  return {};
}

}  // namespace

base::Result<HostDevice> ReadHostDevice(const sysfs::Tree& tree, const sysfs::PciAddress& address) {
  HostDevice host;
  host.device = TRY(sysfs::ReadDevice(tree, address, sysfs::Detail::kUnlocked));
  host.on_vfio = IsOnVfio(tree, host.device);
  host.bars = sysfs::ReadBars(tree, address);
  host.iommu_bits = sysfs::ReadIommuWidth(tree, address);
  if (host.device.iommu_group) {
    host.group = TRY(sysfs::ReadGroup(tree, *host.device.iommu_group));
    host.blockers = sysfs::FindBlockers(tree, host.group);
  }
  return host;
}

base::Result<HostSnapshot> ReadHost(const sysfs::Tree& tree, const Options& options) {
  HostSnapshot host;
  for (const AssignRequest& request : options.assign) {
    host.devices.push_back(TRY(ReadHostDevice(tree, request.host)));
  }
  if (IsReserved(options.pages)) host.pool = ReadPagePool(tree, options.pages);
  return host;
}

base::Status CheckDuplicates(const Options& options) {
  std::set<sysfs::PciAddress> devices;
  std::set<std::string> ids;
  std::set<uint8_t> slots;
  for (const AssignRequest& request : options.assign) {
    if (!devices.insert(request.host).second) {
      return Fail(Code::kUsage, request.host.ToString() + ": assigned twice");
    }
    if (!ids.insert(IdOf(request)).second) {
      return Fail(Code::kUsage, fmt::format("{}: id={} is taken by another device",
                                            request.host.ToString(), IdOf(request)));
    }
    if (!request.guest_slot) continue;
    if (*request.guest_slot == 0 || *request.guest_slot > kLastSlot) {
      return Fail(Code::kUsage, fmt::format("{}: addr={:02x} is not a free slot; use 01 to 1f",
                                            request.host.ToString(), *request.guest_slot));
    }
    if (!slots.insert(*request.guest_slot).second) {
      return Fail(Code::kUsage, fmt::format("{}: addr={:02x} is taken by another device",
                                            request.host.ToString(), *request.guest_slot));
    }
  }
  return {};
}

base::Status CheckBalloon(const Options& options) {
  if (!options.balloon) return {};
  if (IsReserved(options.pages)) {
    return Fail(Code::kUnfit,
                fmt::format("--balloon: guest RAM is made of reserved {} pages, and a guest gives "
                            "back pages of 4K: nothing would be freed",
                            PagesName(options.pages)),
                "leave out --balloon, or pages=");
  }
  if (options.balloon->reporting && !options.assign.empty()) {
    return Fail(Code::kUnfit,
                fmt::format("--balloon reporting=on: a guest uses reported pages again without a "
                            "word, and {} would not reach them",
                            options.assign.front().host.ToString()),
                "leave out reporting=on: beside assigned devices the balloon works in blocks");
  }
  if (options.balloon->size && *options.balloon->size > options.memory_bytes) {
    return Fail(Code::kUsage, "--balloon: size= is more than --memory");
  }
  return {};
}

base::Status CheckDevices(const Options& options, const HostSnapshot& host) {
  TRY(CheckDuplicates(options));
  TRY(CheckBalloon(options));
  TRY(CheckMergeable(options));
  TRY(CheckStandby(options, host));
  for (const HostDevice& device : host.devices) TRY(CheckDevice(device, options.managed));
  return CheckPages(options.pages, options.memory_bytes, host.pool);
}

base::Status CheckDevice(const HostDevice& device, bool managed) {
  TRY(CheckFit(device));
  return managed ? base::Status() : CheckReady(device);
}

base::Status CheckTaken(const HostSnapshot& host) {
  for (const HostDevice& device : host.devices) TRY(CheckReady(device));
  return {};
}

base::Result<MachinePlan> PlanMachine(const Options& options, const HostSnapshot& host) {
  TRY(CheckDevices(options, host));
  return ArrangeMachine(options, host);
}

base::Result<MachinePlan> ArrangeMachine(const Options& options, const HostSnapshot& host) {
  Topology topology = TRY(PlanTopology(options, host.devices));
  LayoutRequest request;
  request.memory_bytes = options.memory_bytes;
  request.page_bytes = PageBytes(options.pages);
  request.physical_address_bits = host.physical_address_bits;
  MachinePlan plan;
  for (const HostDevice& device : host.devices) {
    AddReserved(device, request);
    AddBars(device, request);
  }
  // Twice, as for BARs.
  request.bar32_bytes += 2 * pci::kPortMemory * topology.ports.size();
  // A root port has one bus behind it.
  request.buses = 1 + static_cast<unsigned>(topology.ports.size());
  request.bar64_bytes += 2 * virtio::kBarBytes * topology.emulated.size();
  plan.standby = PlanStandby(options, host, topology);
  plan.devices = std::move(topology.devices);
  plan.emulated = std::move(topology.emulated);
  plan.ports = std::move(topology.ports);
  plan.mergeable = options.mergeable;
  plan.layout = TRY(PlanLayout(request));
  if (options.balloon) plan.dma_block_bytes = DmaBlockBytes(options.memory_bytes);
  plan.reserved = std::move(request.reserved);
  if (request.untranslated && request.untranslated->start >> host.physical_address_bits == 0)
    plan.reserved.push_back(std::move(*request.untranslated));
  plan.locked_bytes = plan.devices.empty() ? 0 : plan.layout.memory_bytes();
  return plan;
}

base::Status CheckMergeable(const Options& options) {
  if (!options.mergeable || options.assign.empty()) return {};
  return Fail(Code::kUsage,
              fmt::format("--memory: mergeable does not go with the assigned {}: {}",
                          options.assign.front().host.ToString(), kPinned),
              "leave mergeable out");
}

base::Status CheckHotPlug(const HostDevice& device, const MachinePlan& plan) {
  if (plan.mergeable) {
    return Fail(Code::kUnfit,
                fmt::format("{}: the machine's RAM is mergeable: {}",
                            device.device.address.ToString(), kPinned),
                "start the machine without mergeable");
  }
  const Layout& layout = plan.layout;
  TRY(CheckFit(device));
  TRY(CheckReady(device));
  LayoutRequest request;
  AddReserved(device, request);
  if (request.untranslated) request.reserved.push_back(*request.untranslated);
  for (const ReservedRange& reserved : request.reserved) {
    for (const base::Range& ram : layout.ram) {
      if (reserved.start >= ram.end() || reserved.last < ram.base) continue;
      return Fail(Code::kUnfit,
                  fmt::format("{}: guest RAM at {:#x}-{:#x} meets the reserved IOVA range "
                              "{:#x}-{:#x} ({})",
                              device.device.address.ToString(), ram.base, ram.end() - 1,
                              reserved.start, reserved.last, reserved.owner),
                  "assign it when the machine starts: its RAM is placed around the range then");
    }
  }
  return {};
}

}  // namespace vmm
