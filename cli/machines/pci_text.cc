#include "cli/machines/pci_text.h"

#include <fmt/format.h>

#include "cli/table.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using vmm::control::Json;

// A member of one of these types, or what stands for none.
uint64_t Number(const Json& object, const char* name) {
  const bool there = object.is_object() && object.contains(name);
  return there && object[name].is_number_unsigned() ? object[name].get<uint64_t>() : 0;
}
std::string String(const Json& object, const char* name) {
  const bool there = object.is_object() && object.contains(name);
  return there && object[name].is_string() ? Printable(object[name].get<std::string>()) : "";
}
Json Member(const Json& object, const char* name) {
  return object.is_object() && object.contains(name) ? object[name] : Json();
}

// Those behind a port follow it.
std::vector<Json> Devices(const Json& buses) {
  std::vector<Json> devices;
  for (const Json& bus : buses) {
    for (const Json& device : Member(bus, "devices")) {
      devices.push_back(device);
      for (const Json& behind : Member(Member(device, "pci_bridge"), "devices"))
        devices.push_back(behind);
    }
  }
  return devices;
}

std::string BarText(const Json& region) {
  const Json address = Member(region, "address");
  const std::string place =
      address.is_number_unsigned() ? fmt::format("{:#x}", address.get<uint64_t>()) : "off";
  return fmt::format("{}:{} ({})", Number(region, "bar"), place,
                     base::FormatSize(Number(region, "size")));
}

std::string StandbyText(const Json& standby) {
  const std::string state = String(standby, "state");
  std::string means = "is out; device-add brings it back";
  if (state == "hidden") means = "is hidden until the guest's driver asks for it";
  if (state == "plugged") means = "the guest has";
  if (state == "leaving") means = "the guest was asked to let go of";
  if (state == "closing") means = "goes back to the host";
  return fmt::format("stands by for {}, which {}", String(standby, "primary"), means);
}

}  // namespace

std::vector<std::string> DeviceIds(const Json& buses) {
  std::vector<std::string> ids;
  for (const Json& device : Devices(buses)) {
    if (std::string id = String(device, "qdev_id"); !id.empty()) ids.push_back(std::move(id));
  }
  return ids;
}

std::vector<std::string> FallbackIds(const Json& buses) {
  std::vector<std::string> ids;
  for (const Json& device : Devices(buses)) {
    if (Member(device, "fallback").is_object()) ids.push_back(String(device, "qdev_id"));
  }
  return ids;
}

std::string PciText(const Json& buses, unsigned width, bool colour) {
  Table table;
  table.columns = {{"ADDRESS"}, {"ID"}, {"VENDOR:DEVICE"}, {"CLASS", true}, {"BARS", true}};
  std::string remarks;
  for (const Json& device : Devices(buses)) {
    std::string bars;
    for (const Json& region : Member(device, "regions")) {
      bars += (bars.empty() ? "" : ", ") + BarText(region);
    }
    const Json id = Member(device, "id");
    const Json fallback = Member(device, "fallback");
    if (fallback.is_object()) {
      remarks += fmt::format("{}: not assigned: {}; {}\n", String(device, "qdev_id"),
                             String(fallback, "reason"), String(fallback, "instead"));
    }
    const Json standby = Member(device, "standby");
    if (standby.is_object()) {
      remarks += fmt::format("{}: {}\n", String(device, "qdev_id"), StandbyText(standby));
    }
    table.rows.push_back(
        {{fmt::format("{:02x}:{:02x}.{}", Number(device, "bus"), Number(device, "slot"),
                      Number(device, "function"))},
         {String(device, "qdev_id")},
         {fmt::format("{:04x}:{:04x}", Number(id, "vendor"), Number(id, "device"))},
         {String(Member(device, "class_info"), "desc")},
         {bars}});
  }
  return Render(table, width, colour) + remarks;
}

}  // namespace cli
