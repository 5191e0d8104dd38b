#include "vmm/control/pci_view.h"

#include <optional>
#include <string_view>

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
      {"bus", 0},
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

}  // namespace

Json PciList(std::span<const pci::FunctionView> functions,
             const std::map<uint8_t, std::string>& ids) {
  Json devices = Json::array();
  for (const pci::FunctionView& function : functions) {
    const auto id = ids.find(function.devfn);
    devices.push_back(Device(function, id == ids.end() ? std::string() : id->second));
  }
  return Json::array({{{"bus", 0}, {"devices", std::move(devices)}}});
}

}  // namespace vmm::control
