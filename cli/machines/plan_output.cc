#include "cli/machines/plan_output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "cli/machines/plan_emulated.h"
#include "cli/machines/plan_sections.h"
#include "cli/page.h"
#include "cli/report.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using vmm::DevicePreview;
using vmm::MachinePreview;
using vmm::Options;

struct Area {
  base::Range range;
  std::string use;
};

std::vector<Area> Areas(const vmm::Layout& layout) {
  std::vector<Area> areas;
  for (const base::Range& ram : layout.ram) areas.push_back({ram, "RAM"});
  areas.push_back({layout.ecam, "PCIe configuration space"});
  areas.push_back({layout.mmio32, "32-bit BARs"});
  areas.push_back({{vmm::kIoApicBase, base::kPageSize}, "I/O APIC"});
  areas.push_back({{vmm::kLocalApicBase, base::kPageSize}, "local APIC"});
  if (!layout.mmio64.empty()) areas.push_back({layout.mmio64, "64-bit BARs"});
  std::sort(areas.begin(), areas.end(),
            [](const Area& one, const Area& other) { return one.range.base < other.range.base; });
  return areas;
}

std::string RangeText(uint64_t first, uint64_t last) {
  return fmt::format("{:#014x}-{:#014x}", first, last);
}

std::string DurationText(double seconds) {
  if (seconds < 0.001) return "under 1 ms";
  if (seconds < 1) return fmt::format("about {:.0f} ms", seconds * 1000);
  return fmt::format("about {:.1f} s", seconds);
}

std::string PlaceText(const DevicePreview& device) {
  if (device.port == 0) return fmt::format("00:{:02x}.0, where it stays", device.place.guest_slot);
  return fmt::format("function {} behind port{}, can be unplugged", device.place.function,
                     device.port);
}

std::string VectorsText(const vmm::VectorNeeds& vectors, unsigned cpus) {
  if (!vectors.known) return "unknown: configuration space is not readable without root";
  std::vector<std::string> kinds;
  if (vectors.pin) kinds.emplace_back("INTx");
  if (vectors.msi > 0) kinds.push_back(fmt::format("MSI up to {}", vectors.msi));
  if (vectors.msix > 0) kinds.push_back(fmt::format("MSI-X up to {}", vectors.msix));
  if (kinds.empty()) return "none";
  return fmt::format("{}; a driver with a queue for each processor takes {}",
                     fmt::join(kinds, ", "), vectors.usual(cpus));
}

std::string BarText(const sysfs::PciBar& bar) {
  const std::string name = bar.index == sysfs::PciBar::kRom ? "ROM" : std::to_string(bar.index);
  if (bar.is_port()) {
    return fmt::format("{}: {} of I/O ports, trapped", name, base::FormatSize(bar.size));
  }
  return fmt::format("{}: {}{}{}", name, base::FormatSize(bar.size),
                     bar.is_64_bit() ? ", 64 bits" : "",
                     bar.is_prefetchable() ? ", prefetchable" : "");
}

void AddDevice(Page& page, const Options& options, const DevicePreview& device) {
  const sysfs::PciDevice& host = device.host.device;
  page.Section(fmt::format("Device {}", host.address.ToString()));
  if (device.place.id != host.address.ToString()) page.Line("id", device.place.id);
  page.Line("on the host",
            fmt::format("driver {}, {}", host.driver.value_or("none"),
                        host.iommu_group ? fmt::format("IOMMU group {}", *host.iommu_group)
                                         : "no IOMMU group"));
  page.Line("in the guest", PlaceText(device));
  std::vector<std::string> bars;
  for (const sysfs::PciBar& bar : device.host.bars) {
    if (bar.index <= sysfs::PciBar::kRom) bars.push_back(BarText(bar));
  }
  page.List("BARs", bars, "none");
  page.Line("interrupts", VectorsText(device.vectors, options.cpus));
  page.Line("reset", device.reset.Text());
}

std::string LockedText(const MachinePreview& preview) {
  const std::string amount = base::FormatSize(preview.plan->locked_bytes);
  if (preview.memlock.exempt) return amount + "; no limit counts (CAP_IPC_LOCK)";
  if (preview.memlock.soft == vfio::kUnlimited) return amount + "; RLIMIT_MEMLOCK is unlimited";
  const bool raised = preview.memlock.soft < preview.memlock_needed &&
                      preview.memlock.hard >= preview.memlock_needed;
  return fmt::format(
      "{}; RLIMIT_MEMLOCK allows {}{}", amount, base::FormatSize(preview.memlock.soft),
      raised ? fmt::format(", is raised to {}", base::FormatSize(preview.memlock_needed)) : "");
}

std::string BlocksText(const MachinePreview& preview) {
  const uint64_t block = preview.plan->dma_block_bytes;
  if (block == 0) return "one for each piece of RAM";
  return fmt::format("blocks of {}, which the balloon gives back as a whole",
                     base::FormatSize(block));
}

void AddDma(Page& page, const Options& options, const MachinePreview& preview) {
  page.Section("DMA");
  page.Line("back end", preview.dma ? preview.dma->reason : "none works (see the problems)");
  page.Line("maps", fmt::format("{}, {}", preview.dma_maps, BlocksText(preview)));
  page.Line("locked", LockedText(preview));
  page.Line("time", fmt::format("{} to fill {} pages of {} with {}, then {} to pin them (estimate)",
                                DurationText(preview.memory.populate), preview.memory.pages,
                                base::FormatSize(preview.memory.page_bytes),
                                preview.populate_threads == 1
                                    ? "one thread"
                                    : fmt::format("{} threads", preview.populate_threads),
                                DurationText(preview.memory.pin)));
  if (preview.memory.page_bytes < vmm::PageBytes(options.pages)) {
    page.Line("pages",
              "transparent huge pages are switched off here: echo madvise > "
              "/sys/kernel/mm/transparent_hugepage/enabled, or take pages=2M");
  }
  unsigned most = 0, usual = 0;
  for (const DevicePreview& device : preview.devices) {
    most += device.vectors.most();
    usual += device.vectors.usual(options.cpus);
  }
  page.Line("host vectors",
            fmt::format("{} usual, {} at most; {} free on the host{}", usual, most,
                        preview.vector_pool.free ? std::to_string(*preview.vector_pool.free)
                                                 : "an unknown number",
                        preview.vector_pool.source.empty()
                            ? ""
                            : fmt::format(" ({})", preview.vector_pool.source)));
}

void AddMemory(Page& page, const vmm::MachinePlan& plan) {
  page.Section("Guest memory map");
  for (const Area& area : Areas(plan.layout)) {
    page.Plain(fmt::format("  {}  {:>9}  {}", RangeText(area.range.base, area.range.end() - 1),
                           base::FormatSize(area.range.size), area.use));
  }
  if (plan.reserved.empty()) return;
  page.Section("Reserved IOVA ranges, kept free of RAM");
  for (const vmm::ReservedRange& range : plan.reserved) {
    page.Plain(fmt::format("  {}  {}", RangeText(range.start, range.last), range.owner));
  }
}

void AddProblems(Page& page, const MachinePreview& preview) {
  if (preview.problems.empty()) {
    page.Section("No problem found: vmm run would start");
    return;
  }
  page.Section("What would stop vmm run");
  for (const base::Error& problem : preview.problems) {
    page.Line("-", problem.message(), Style::kWarning);
    if (!problem.hint().empty()) page.Line("  cure", problem.hint());
  }
}

Json RangeJson(uint64_t first, uint64_t last) {
  return {{"start", fmt::format("{:#x}", first)}, {"end", fmt::format("{:#x}", last)}};
}

Json AddressesJson(const std::vector<sysfs::PciAddress>& addresses) {
  Json list = Json::array();
  for (const sysfs::PciAddress& address : addresses) list.push_back(address.ToString());
  return list;
}

Json ResetJson(const vfio::ResetScope& reset) {
  constexpr std::array kKinds = {"function", "hot", "none"};
  return {{"kind", kKinds.at(static_cast<size_t>(reset.kind))},
          {"method", reset.method.empty() ? Json(nullptr) : Json(reset.method)},
          {"together", AddressesJson(reset.together)},
          {"in_the_way", AddressesJson(reset.in_the_way)},
          {"complete", reset.complete()},
          {"text", reset.Text()}};
}

Json DeviceJson(const Options& options, const DevicePreview& device) {
  const sysfs::PciDevice& host = device.host.device;
  Json bars = Json::array();
  for (const sysfs::PciBar& bar : device.host.bars) {
    if (bar.index > sysfs::PciBar::kRom) continue;
    bars.push_back({{"index", bar.index},
                    {"size", bar.size},
                    {"kind", bar.is_port() ? "io" : "memory"},
                    {"64_bits", bar.is_64_bit()},
                    {"prefetchable", bar.is_prefetchable()}});
  }
  Json vectors = nullptr;
  if (device.vectors.known) {
    vectors = {{"intx", device.vectors.pin},
               {"msi", device.vectors.msi},
               {"msix", device.vectors.msix},
               {"most", device.vectors.most()},
               {"usual", device.vectors.usual(options.cpus)}};
  }
  return {{"bdf", host.address.ToString()},
          {"id", device.place.id},
          {"driver", host.driver ? Json(*host.driver) : Json(nullptr)},
          {"iommu_group", host.iommu_group ? Json(*host.iommu_group) : Json(nullptr)},
          {"slot", device.place.guest_slot},
          {"function", device.place.function},
          {"port", device.port == 0 ? Json(nullptr) : Json(device.port)},
          {"bars", std::move(bars)},
          {"vectors", std::move(vectors)},
          {"reset", ResetJson(device.reset)}};
}

Json DmaJson(const MachinePreview& preview) {
  const auto limit = [](uint64_t bytes) {
    return bytes == vfio::kUnlimited ? Json(nullptr) : Json(bytes);
  };
  Json json = {{"backend", nullptr}, {"reason", nullptr}};
  if (preview.dma) {
    json["backend"] = preview.dma->backend == vfio::Backend::kIommufd ? "iommufd" : "type1";
    json["reason"] = preview.dma->reason;
  }
  json["maps"] = preview.dma_maps;
  json["locked_bytes"] = preview.plan->locked_bytes;
  json["memlock"] = {{"exempt", preview.memlock.exempt},
                     {"soft", limit(preview.memlock.soft)},
                     {"hard", limit(preview.memlock.hard)},
                     {"needed", preview.memlock_needed}};
  json["pages"] = preview.memory.pages;
  json["page_bytes"] = preview.memory.page_bytes;
  json["populate_seconds"] = preview.memory.populate;
  json["populate_threads"] = preview.populate_threads;
  json["pin_seconds"] = preview.memory.pin;
  json["host_vectors_free"] =
      preview.vector_pool.free ? Json(*preview.vector_pool.free) : Json(nullptr);
  return json;
}

Json ProblemsJson(const MachinePreview& preview) {
  Json problems = Json::array();
  for (const base::Error& problem : preview.problems) problems.push_back(ErrorJson(problem));
  return problems;
}

}  // namespace

std::string PreviewText(const Options& options, const MachinePreview& preview, bool colour) {
  Page page(colour);
  page.Title(fmt::format("{} processor{}, {} of RAM in {} pages", options.cpus,
                         options.cpus == 1 ? "" : "s", base::FormatSize(options.memory_bytes),
                         options.mergeable ? "mergeable"
                         : options.pages == vmm::Pages::kTransparent
                             ? "transparent huge"
                             : fmt::format("reserved {}", vmm::PagesName(options.pages))));
  if (!preview.kernel.empty()) {
    page.Plain(fmt::format("Kernel {}{}", preview.kernel,
                           preview.generated_initramfs ? " with a generated initramfs" : ""));
  }
  for (const DevicePreview& device : preview.devices) AddDevice(page, options, device);
  for (const vmm::Fallback& one : options.fallbacks) AddFallback(page, one);
  for (size_t i = 0; i < preview.disks.size(); ++i) {
    AddDisk(page, options.disks[i], preview.disks[i]);
  }
  for (size_t i = 0; i < preview.nets.size(); ++i) {
    AddNet(page, options.nets[i], preview.nets[i]);
  }
  if (preview.plan && preview.balloon) AddBalloon(page, options, preview);
  if (preview.console) AddConsole(page, options, preview);
  if (preview.plan) {
    if (!preview.devices.empty()) AddDma(page, options, preview);
    AddMemory(page, *preview.plan);
  }
  if (preview.host_memory) AddHostMemory(page, options, preview);
  if (preview.plan) AddDescriptors(page, preview);
  AddProblems(page, preview);
  return page.Take();
}

Json PreviewJson(const Options& options, const MachinePreview& preview) {
  Json devices = Json::array();
  for (const DevicePreview& device : preview.devices) {
    devices.push_back(DeviceJson(options, device));
  }
  Json disks = Json::array();
  for (size_t i = 0; i < preview.disks.size(); ++i) {
    disks.push_back(DiskJson(options.disks[i], preview.disks[i]));
  }
  Json nets = Json::array();
  for (size_t i = 0; i < preview.nets.size(); ++i) {
    nets.push_back(NetJson(options.nets[i], preview.nets[i]));
  }
  Json map = Json::array(), reserved = Json::array();
  if (preview.plan) {
    for (const Area& area : Areas(preview.plan->layout)) {
      Json one = RangeJson(area.range.base, area.range.end() - 1);
      one["use"] = area.use;
      map.push_back(std::move(one));
    }
    for (const vmm::ReservedRange& range : preview.plan->reserved) {
      Json one = RangeJson(range.start, range.last);
      one["owner"] = range.owner;
      reserved.push_back(std::move(one));
    }
  }
  return {{"schema", "vmm.plan/1"},
          {"cpus", options.cpus},
          {"memory", options.memory_bytes},
          {"page_kind", vmm::PagesName(options.pages)},
          {"kernel", preview.kernel.empty() ? Json(nullptr) : Json(preview.kernel)},
          {"generated_initramfs", preview.generated_initramfs},
          {"devices", std::move(devices)},
          {"fallbacks", FallbacksJson(options)},
          {"disks", std::move(disks)},
          {"nets", std::move(nets)},
          {"balloon", BalloonJson(options, preview)},
          {"console", ConsoleJson(options, preview)},
          {"dma", preview.plan && !preview.devices.empty() ? DmaJson(preview) : Json(nullptr)},
          {"host_memory", HostMemoryJson(options, preview)},
          {"descriptors", DescriptorsJson(preview)},
          {"memory_map", std::move(map)},
          {"reserved_iova", std::move(reserved)},
          {"problems", ProblemsJson(preview)}};
}

}  // namespace cli
