#include "vmm/preview/preview.h"

#include <algorithm>

#include "vfio/reset_facts.h"
#include "vmm/guest/host_kernel.h"
#include "vmm/kvm/cpuid.h"
#include "vmm/kvm/system.h"
#include "vmm/machine_image.h"
#include "vmm/ram/balloon_pages.h"
#include "vmm/ram/populate.h"
#include "vmm/virtio/net/tap_plan.h"

namespace vmm {
namespace {

// The value, or nothing and one more problem.
template <class T>
std::optional<T> Take(base::Result<T> result, std::vector<base::Error>& problems) {
  if (result) return std::move(*result);
  problems.push_back(std::move(result).error());
  return std::nullopt;
}

void Check(base::Status status, std::vector<base::Error>& problems) {
  if (!status) problems.push_back(std::move(status).error());
}

base::Status CheckRomFile(const assigned::RomRequest& rom, const sysfs::PciDevice& device) {
  if (rom.off || rom.file.empty()) return {};
  TRY(assigned::ReadRomFile(rom.file, {device.vendor, device.device}));
  return {};
}

HostSnapshot ReadDevices(const sysfs::Tree& tree, const Options& options,
                         std::vector<base::Error>& problems) {
  auto host = Take(ReadHost(tree, options), problems);
  if (!host) return {};
  Check(CheckDuplicates(options), problems);
  Check(CheckBalloon(options), problems);
  Check(CheckMergeable(options), problems);
  Check(CheckStandby(options, *host), problems);
  for (const HostDevice& device : host->devices)
    Check(CheckDevice(device, options.managed), problems);
  for (size_t i = 0; i < host->devices.size(); ++i) {
    const sysfs::PciDevice& device = host->devices[i].device;
    Check(CheckRomFile(options.assign[i].rom, device), problems);
  }
  Check(CheckPages(options.pages, options.memory_bytes, host->pool), problems);
  return std::move(*host);
}

void ReadDma(base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
             MachinePreview& preview) {
  const MachinePlan& plan = *preview.plan;
  std::vector<sysfs::PciAddress> addresses;
  for (const PlannedDevice& device : plan.devices) addresses.push_back(device.host);
  vfio::BackendFacts facts = vfio::ProbeBackends(kernel, tree, addresses);
  facts.vf_token = NeedsToken(plan.devices);
  preview.dma = Take(vfio::ChooseBackend(facts, options.dma), preview.problems);
  preview.dma_maps =
      static_cast<unsigned>(CutIntoBlocks(plan.layout.ram, plan.dma_block_bytes).size());
  preview.memlock = vfio::ReadMemlockLimits(tree);
  preview.memlock_needed = vfio::MemlockNeeded(plan.locked_bytes);
  if (auto raised = vfio::PlanMemlock(preview.memlock_needed, preview.memlock); !raised) {
    preview.problems.push_back(std::move(raised).error());
  }
  preview.populate_threads = UsableProcessors();
  preview.memory = EstimateMemory(plan.locked_bytes, options.pages, HasTransparentHuge(tree),
                                  preview.populate_threads);
  preview.vector_pool = ReadVectorPool(tree);
}

void CountDescriptors(const Options& options, MachinePreview& preview) {
  DescriptorUse use;
  use.cpus = options.cpus;
  use.devices = preview.devices.size();
  for (const DevicePreview& device : preview.devices) use.vectors += device.vectors.most();
  use.emulated = preview.plan->emulated.size();
  for (const PlannedEmulated& planned : preview.plan->emulated) {
    use.queues += QueuesOf(planned.request);
  }
  preview.descriptor_limit = ReadDescriptorLimit();
  preview.most_descriptors = MostDescriptors(use);
}

void DescribeDevices(const sysfs::Tree& tree, const HostSnapshot& host, MachinePreview& preview) {
  const MachinePlan& plan = *preview.plan;
  std::vector<sysfs::PciAddress> addresses;
  for (const PlannedDevice& device : plan.devices) addresses.push_back(device.host);
  const std::vector<vfio::ResetScope> resets = vfio::PredictResets(tree, addresses);
  for (size_t i = 0; i < plan.devices.size(); ++i) {
    DevicePreview device;
    device.host = host.devices[i];
    device.place = plan.devices[i];
    const auto port = std::find_if(plan.ports.begin(), plan.ports.end(), [&](const auto& one) {
      return device.place.behind_port && one.guest_slot == device.place.guest_slot;
    });
    if (port != plan.ports.end()) device.port = port->number;
    device.vectors = ReadVectorNeeds(tree, device.host.device.path());
    device.reset = resets[i];
    preview.devices.push_back(std::move(device));
  }
}

void DescribeEmulated(const sysfs::Tree& tree, MachinePreview& preview) {
  const MachinePlan& plan = *preview.plan;
  for (const PlannedEmulated& planned : plan.emulated) {
    const auto port = std::find_if(plan.ports.begin(), plan.ports.end(), [&](const auto& one) {
      return one.guest_slot == planned.guest_slot;
    });
    const uint8_t number = port == plan.ports.end() ? uint8_t{0} : port->number;
    if (const auto* const disk = std::get_if<virtio::BlkOptions>(&planned.request)) {
      const auto bytes = Take(virtio::CheckImage(disk->image), preview.problems);
      preview.disks.push_back({planned.id, number, bytes.value_or(0)});
    } else if (const auto* const net = std::get_if<virtio::NetOptions>(&planned.request)) {
      const base::Status fits = virtio::CheckLink(tree, *net);
      if (!fits) preview.problems.push_back(fits.error());
      preview.nets.push_back({planned.id, number});
    } else if (std::holds_alternative<virtio::BalloonOptions>(planned.request)) {
      preview.balloon = BalloonPreview{planned.id, number};
    } else if (std::holds_alternative<ConsoleRequest>(planned.request)) {
      preview.console = ConsolePreview{planned.id, number};
    }
  }
}

void ReadMemory(const sysfs::Tree& tree, const Options& options,
                std::span<const OtherMachine> others, MachinePreview& preview) {
  preview.host_memory = ReadHostMemory(tree, others);
  const uint64_t bytes = IsReserved(options.pages) ? 0 : options.memory_bytes;
  preview.memory_verdict =
      JudgeMemory(*preview.host_memory, {bytes, !options.assign.empty(), options.mergeable});
  if (preview.memory_verdict.refused) {
    preview.problems.push_back(*preview.memory_verdict.refused);
  }
}

base::Result<std::string> HostKernel(const sysfs::Tree& tree) {
  return guest::FindKernel(tree, TRY(guest::RunningRelease(tree)));
}

void ReadImage(const sysfs::Tree& tree, const Options& options, MachinePreview& preview) {
  preview.kernel = options.kernel;
  preview.generated_initramfs =
      options.initrd.empty() && (options.kernel.empty() || options.exec.has_value());
  if (preview.kernel.empty()) {
    const auto own = Take(HostKernel(tree), preview.problems);
    if (!own) return;
    preview.kernel = *own;
  }
  const acpi::AcpiTables tables = MakeTables(options, preview.plan->layout);
  Take(OpenImage(tree, options, *preview.plan, tables.rsdp), preview.problems);
}

}  // namespace

MachinePreview ReadPreview(base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
                           std::span<const OtherMachine> others) {
  MachinePreview preview;
  HostSnapshot host = ReadDevices(tree, options, preview.problems);
  if (host.devices.size() != options.assign.size()) return preview;
  if (const auto system = Take(kvm::System::Open(kernel), preview.problems)) {
    host.physical_address_bits = kvm::PhysicalAddressBits((*system)->supported_cpuid());
  }
  preview.plan = Take(ArrangeMachine(options, host), preview.problems);
  if (!preview.plan) return preview;
  DescribeDevices(tree, host, preview);
  DescribeEmulated(tree, preview);
  if (!preview.devices.empty()) ReadDma(kernel, tree, options, preview);
  CountDescriptors(options, preview);
  ReadMemory(tree, options, others, preview);
  ReadImage(tree, options, preview);
  return preview;
}

}  // namespace vmm
