#include "vmm/control/pci_view.h"

#include <numeric>
#include <optional>
#include <string_view>

#include "vmm/control/message.h"
#include "vmm/pci/registers.h"

namespace vmm::control {
namespace {

namespace header = pci::header;

struct ClassName {
  uint16_t code;  // base class and subclass
  std::string_view text;
};
// PCI Code and ID Assignment 1.12, 1: what people assign; for the others the base class does.
constexpr ClassName kClasses[] = {
    {0x0100, "SCSI controller"},     {0x0106, "SATA controller"}, {0x0108, "NVMe controller"},
    {0x0200, "Ethernet controller"}, {0x0300, "VGA controller"},  {0x0302, "3D controller"},
    {0x0403, "Audio controller"},    {0x0600, "Host bridge"},     {0x0604, "PCI bridge"},
    {0x0c03, "USB controller"},
};

std::string_view ClassText(uint16_t code) {
  for (const ClassName& one : kClasses) {
    if (one.code == code) return one.text;
  }
  switch (code >> 8) {
    case 0x01:
      return "Storage controller";
    case 0x02:
      return "Network controller";
    case 0x03:
      return "Display controller";
    case 0x04:
      return "Multimedia controller";
    case 0x06:
      return "Bridge";
    case 0x07:
      return "Communication controller";
    case 0x12:
      return "Processing accelerator";
    default:
      return "Device";
  }
}

Json Region(const pci::FunctionView& function, const pci::BarInfo& bar) {
  const bool io = bar.kind == pci::BarKind::kIo;
  const auto& decoded = function.decoded.at(bar.index);
  Json region = {{"bar", bar.index}, {"type", io ? "io" : "memory"}, {"size", bar.size}};
  region["address"] = decoded ? Json(decoded->base) : Json(-1);
  if (!io) {
    region["prefetch"] = bar.prefetchable;
    region["mem_type_64"] = bar.kind == pci::BarKind::kMemory64;
  }
  return region;
}

Json Device(const pci::FunctionView& function, const std::string& id) {
  const auto word = [&](size_t offset) -> unsigned {
    return function.header.at(offset) | unsigned{function.header.at(offset + 1)} << 8;
  };
  const auto code = static_cast<uint16_t>(word(header::kClass + 1));
  const unsigned pin = function.header.at(header::kInterruptPin);
  Json device = {
      {"bus", function.bus},
      {"slot", function.devfn >> 3},
      {"function", function.devfn & 7},
      {"class_info", {{"class", code}, {"desc", ClassText(code)}}},
      {"id",
       {{"vendor", word(header::kVendor)},
        {"device", word(header::kDevice)},
        {"subsystem-vendor", word(header::kSubsystemVendor)},
        {"subsystem", word(header::kSubsystem)}}},
      {"irq_pin", pin},
      {"qdev_id", id},
      {"regions", Json::array()},
  };
  if (pin != 0) device["irq"] = function.header.at(header::kInterruptLine);
  for (const pci::BarInfo& bar : function.bars) device["regions"].push_back(Region(function, bar));
  return device;
}

// [base, limit] of a window from its two registers (PCIe 6.0, 7.5.1.3).
Json Window(uint64_t base, uint64_t last) { return {{"base", base}, {"limit", last}}; }

Json Bridge(const pci::FunctionView& port) {
  namespace bridge = sysfs::registers::bridge;
  const auto load = [&](size_t offset, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= uint64_t{port.header.at(offset + i)} << (8 * i);
    return value;
  };
  const auto memory = [&](size_t base, size_t high) {
    const uint64_t upper_base = high == 0 ? 0 : load(high, 4) << 32;
    const uint64_t upper_last = high == 0 ? 0 : load(high + 4, 4) << 32;
    return Window(upper_base | (load(base, 2) & 0xfff0) << 16,
                  upper_last | (load(base + 2, 2) & 0xfff0) << 16 | 0xfffff);
  };
  return {{"number", port.bus},
          {"secondary", port.header.at(bridge::kSecondaryBus)},
          {"subordinate", port.header.at(bridge::kSubordinateBus)},
          {"io_range", Window((load(bridge::kIoBase, 1) & 0xf0) << 8,
                              (load(bridge::kIoLimit, 1) & 0xf0) << 8 | 0xfff)},
          {"memory_range", memory(bridge::kMemoryBase, 0)},
          {"prefetchable_range", memory(bridge::kPrefetchBase, bridge::kPrefetchBaseHigh)}};
}

std::string_view WhereText(Standby::Primary where) {
  switch (where) {
    case Standby::Primary::kAbsent:
      return "absent";
    case Standby::Primary::kHidden:
      return "hidden";
    case Standby::Primary::kPlugged:
      return "plugged";
    case Standby::Primary::kLeaving:
      return "leaving";
    case Standby::Primary::kClosing:
      return "closing";
  }
  return "";
}

}  // namespace

Json FallbackView(const Fallback& fallback) {
  return {{"fallback",
           {{"host", fallback.host.ToString()},
            {"reason", fallback.why.message()},
            {"instead", fallback.instead},
            {"means", fallback.means}}}};
}

Json StandbyView(const StandbyState& state) {
  return {{"standby",
           {{"primary", state.primary},
            {"host", state.host.ToString()},
            {"state", WhereText(state.where)},
            {"link", state.link_up}}}};
}

Json CountersView(const assigned::AssignedCounters& counters) {
  const auto& trapped = counters.trapped;
  return {{"counters",
           {{"bar-traps", std::accumulate(trapped.begin(), trapped.end(), uint64_t{0})},
            {"config-accesses", counters.config_accesses},
            {"config-vendor", counters.config_vendor},
            {"config-unowned", counters.config_unowned},
            {"config-denied", counters.config_denied},
            {"function-resets", counters.function_resets},
            {"set-irqs", counters.set_irqs},
            {"vectors-refused", counters.vectors_refused},
            {"iommu-faults", counters.iommu_faults}}}};
}

Json IommuFaultData(const std::string& id, const sysfs::IommuFault& fault) {
  Json data = DeviceData(id);
  data["address"] = fault.address;
  data["access"] = fault.write ? "write" : "read";
  return data;
}

Json PciList(std::span<const pci::FunctionView> functions,
             const std::map<std::string, std::string>& ids,
             const std::map<std::string, Json>& own) {
  const auto show = [&](const pci::FunctionView& function) {
    const auto id = ids.find(function.name);
    if (id == ids.end()) return Device(function, {});
    Json device = Device(function, id->second);
    const auto members = own.find(id->second);
    if (members != own.end()) device.update(members->second);
    return device;
  };
  Json devices = Json::array();
  for (const pci::FunctionView& function : functions) {
    if (function.bus != 0) continue;
    Json device = show(function);
    if ((function.header.at(header::kType) & 0x7f) == header::kBridgeLayout) {
      Json behind = Json::array();
      for (const pci::FunctionView& other : functions) {
        const uint8_t bus = function.header.at(sysfs::registers::bridge::kSecondaryBus);
        if (other.bus != 0 && other.bus == bus) behind.push_back(show(other));
      }
      device["pci_bridge"] = {{"bus", Bridge(function)}, {"devices", std::move(behind)}};
    }
    devices.push_back(std::move(device));
  }
  return Json::array({{{"bus", 0}, {"devices", std::move(devices)}}});
}

}  // namespace vmm::control
