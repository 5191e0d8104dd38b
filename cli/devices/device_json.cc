#include "cli/devices/device_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/devices/capability_names.h"
#include "cli/devices/host_view.h"
#include "cli/report.h"
#include "cli/uses_json.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using sysfs::PciAddress;
using sysfs::PciDevice;

template <class Value>
Json OrNull(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json Hex(uint32_t value, int digits) { return fmt::format("0x{:0{}x}", value, digits); }
Json Bdf(const PciAddress& address) { return address.ToString(); }

Json Bdfs(const std::vector<PciAddress>& addresses) {
  Json list = Json::array();
  for (const PciAddress& address : addresses) list.push_back(Bdf(address));
  return list;
}

Json Named(uint16_t id, const std::optional<std::string>& name) {
  return {{"id", Hex(id, 4)}, {"name", OrNull(name)}};
}

Json SubsystemJson(const PciDevice& device, const sysfs::Names& names) {
  if (device.subsystem_vendor == 0 && device.subsystem_device == 0) return nullptr;
  return {{"vendor", Named(device.subsystem_vendor, names.Vendor(device.subsystem_vendor))},
          {"device", Named(device.subsystem_device, names.Subsystem(device))}};
}

Json SriovJson(const PciDevice& device, HostView& host) {
  if (device.physfn)
    return {{"role", "vf"},
            {"pf", Bdf(*device.physfn)},
            {"autoprobe", nullptr},
            {"index", OrNull(host.VfIndex(device))}};
  if (!device.sriov_totalvfs) return nullptr;
  return {{"role", "pf"},
          {"total", *device.sriov_totalvfs},
          {"num", OrNull(device.sriov_numvfs)},
          {"vfs", Bdfs(device.virtfns)},
          {"autoprobe", OrNull(host.Autoprobe(device))},
          {"index", nullptr}};
}

Json GroupJson(const PciDevice& device, HostView& host) {
  if (!device.iommu_group) return nullptr;
  const HostView::Group& group = host.GroupOf(*device.iommu_group);
  if (!group.known)
    return {{"id", *device.iommu_group},
            {"type", nullptr},
            {"members", nullptr},
            {"isolated", nullptr},
            {"blockers", nullptr}};
  Json blockers = Json::array();
  for (const sysfs::Blocker& blocker : group.blockers)
    blockers.push_back({{"bdf", Bdf(blocker.address)}, {"driver", blocker.driver}});
  return {{"id", group.known->id},
          {"type", group.known->type.empty() ? Json(nullptr) : Json(group.known->type)},
          {"members", Bdfs(group.known->members)},
          {"isolated", OrNull(group.isolated)},
          {"blockers", std::move(blockers)}};
}

Json OwnerJson(const std::optional<Owner>& owner) {
  if (!owner) return nullptr;
  return {{"pid", owner->pid}, {"comm", owner->command}};
}

// What stands in the way of an assignment: the hardware's reasons, then the host's.
Json AssignableJson(const PciDevice& device, const Json& in_use, HostView& host) {
  Json reasons = Json::array();
  if (const base::Status status = host.Assignable(device); !status) {
    const std::string& hint = status.error().hint();
    reasons.push_back({{"code", CodeName(status.error().code())},
                       {"message", status.error().message()},
                       {"hint", hint.empty() ? Json(nullptr) : Json(hint)}});
  }
  const auto refuses = [](const Json& piece) { return piece.at("severity") == "refuse"; };
  if (std::any_of(in_use.begin(), in_use.end(), refuses))
    reasons.push_back({{"code", CodeName(base::Code::kInUse)},
                       {"message", "this host needs it: see in_use"},
                       {"hint", nullptr}});
  const bool ok = reasons.empty();
  return {{"ok", ok}, {"reasons", std::move(reasons)}};
}

Json UnknownJson(const std::vector<UnknownFact>& facts) {
  Json unknown = Json::array();
  for (const UnknownFact& fact : facts)
    unknown.push_back({{"fact", fact.fact}, {"reason", fact.reason}});
  return unknown;
}

// What `list` and `show` both say.
Json CommonJson(const Context& context, const PciDevice& device, HostView& host) {
  const PciAddress& at = device.address;
  Json in_use = nullptr;
  if (context.use_marks) in_use = UsesJson(sysfs::ToUses(context.use_marks(device)));
  Json assignable = AssignableJson(device, in_use, host);
  return {
      {"bdf", Bdf(at)},
      {"address",
       {{"domain", at.domain}, {"bus", at.bus}, {"device", at.device}, {"function", at.function}}},
      {"vendor", Named(device.vendor, context.names.Vendor(device.vendor))},
      {"device", Named(device.device, context.names.Device(device.vendor, device.device))},
      {"subsystem", SubsystemJson(device, context.names)},
      {"revision", Hex(device.revision, 2)},
      {"class",
       {{"id", Hex(device.class_code, 6)},
        {"name", OrNull(context.names.Class(device.class_code))}}},
      {"driver", OrNull(device.driver)},
      {"driver_override", OrNull(device.driver_override)},
      {"iommu_group", GroupJson(device, host)},
      {"numa_node", OrNull(device.numa_node)},
      {"sriov", SriovJson(device, host)},
      {"in_use", std::move(in_use)},
      {"assignable", std::move(assignable)}};
}

Json HostJson(const sysfs::Tree& tree) {
  Json groups = nullptr;
  if (const auto names = tree.List("/sys/kernel/iommu_groups")) groups = names->size();
  return {{"kernel", OrNull(sysfs::ReadText(tree, "/proc/sys/kernel/osrelease"))},
          {"iommu", {{"groups", std::move(groups)}}}};
}

Json Warnings(const HostView& host) {
  Json warnings = Json::array();
  if (host.has_acs_override())
    warnings.push_back(
        "pcie_acs_override is on the kernel's command line: a group may be smaller than what the "
        "hardware isolates");
  return warnings;
}

Json Envelope(const Context& context, const char* schema, const HostView& host, Json devices) {
  return {{"schema", schema},
          {"host", HostJson(*context.tree)},
          {"devices", std::move(devices)},
          {"warnings", Warnings(host)}};
}

Json BarsJson(const std::vector<Bar>& bars) {
  Json list = Json::array();
  for (const Bar& one : bars)
    list.push_back({{"index", one.bar.index},
                    {"start", fmt::format("{:#x}", one.bar.start)},
                    {"size", one.bar.size},
                    {"flags", fmt::format("{:#x}", one.bar.flags)},
                    {"resizable", OrNull(one.resizable)}});
  return list;
}

// "8.0 GT/s PCIe" as a number.
Json Speed(const std::string& text) {
  const std::string_view number = std::string_view(text).substr(0, text.find(' '));
  const auto parts = base::Split(number, '.');
  const auto whole = base::ParseDecimal(parts.front(), 1000);
  if (!whole) return nullptr;
  const auto tenths = parts.size() == 2 ? base::ParseDecimal(parts.back(), 9) : std::nullopt;
  return static_cast<double>(*whole * 10 + tenths.value_or(0)) / 10;
}

Json LinkJson(const std::optional<Link>& link) {
  if (!link) return nullptr;
  return {{"speed_gts", Speed(link->speed)},
          {"width", link->width},
          {"max_speed_gts", Speed(link->max_speed)},
          {"max_width", link->max_width}};
}

Json ConfigJson(const std::optional<ConfigFacts>& config) {
  if (!config) return nullptr;
  Json standard = Json::array();
  for (const auto& one : config->capabilities)
    standard.push_back({{"id", one.id}, {"name", CapabilityName(one.id)}, {"offset", one.offset}});
  Json extended = Json::array();
  for (const auto& one : config->extended)
    extended.push_back({{"id", one.id},
                        {"name", ExtendedCapabilityName(one.id)},
                        {"version", one.version},
                        {"offset", one.offset}});
  return {{"standard", std::move(standard)},
          {"extended", std::move(extended)},
          {"msi_vectors", OrNull(config->msi_vectors)},
          {"msix_vectors", OrNull(config->msix_vectors)},
          {"flr", OrNull(config->function_level_reset)}};
}

Json FactsJson(const Context& context, const DeviceFacts& facts, HostView& host) {
  Json json = CommonJson(context, facts.device, host);
  json["vfio_driver"] = OrNull(facts.vfio_driver);
  json["owner"] = OwnerJson(facts.owner);
  json["unknown"] = UnknownJson(facts.unknown);
  json["modalias"] = facts.device.modalias;
  json["bridges"] = Bdfs(facts.bridges);
  json["identity"] = {{"path", facts.identity.path},
                      {"serial", OrNull(facts.identity.serial)},
                      {"device_serial_number", OrNull(facts.identity.dsn)},
                      {"mac", OrNull(facts.identity.mac)}};
  json["interfaces"] = facts.interfaces;
  json["candidate_drivers"] = OrNull(facts.candidates);
  if (facts.group) {
    Json functions = Json::array();
    for (const GroupMember& member : facts.members)
      functions.push_back({{"bdf", Bdf(member.address)},
                           {"driver", OrNull(member.driver)},
                           {"blocks", member.blocks}});
    json["iommu_group"]["functions"] = std::move(functions);
  }
  json["vfio"] = {{"group_node", OrNull(facts.group_node)},
                  {"device_node", OrNull(facts.device_node)}};
  json["bars"] = BarsJson(facts.bars);
  json["link"] = LinkJson(facts.link);
  json["reset"] = {{"methods", OrNull(facts.reset_methods)}};
  json["power"] = {{"state", OrNull(facts.power.state)},
                   {"control", OrNull(facts.power.control)},
                   {"runtime", OrNull(facts.power.runtime)},
                   {"d3cold_allowed", OrNull(facts.power.d3cold_allowed)}};
  json["capabilities"] = ConfigJson(facts.config);
  return json;
}

Json DetailedJson(const Context& context, const char* schema,
                  const std::vector<DeviceFacts>& devices) {
  HostView host(*context.tree, context.device_number);
  Json list = Json::array();
  for (const DeviceFacts& facts : devices) list.push_back(FactsJson(context, facts, host));
  return Envelope(context, schema, host, std::move(list));
}

}  // namespace

Json ListJson(const Context& context, const std::vector<PciDevice>& devices) {
  HostView host(*context.tree, context.device_number);
  host.LookForOwners(devices);
  Json list = Json::array();
  for (const PciDevice& device : devices) {
    Json json = CommonJson(context, device, host);
    json["vfio_driver"] = OrNull(host.VfioDriver(device));
    json["owner"] = OwnerJson(host.OwnerOf(device));
    json["unknown"] = UnknownJson(host.Unknown(device));
    list.push_back(std::move(json));
  }
  return Envelope(context, "vassign.list/1", host, std::move(list));
}

Json DetailedListJson(const Context& context, const std::vector<DeviceFacts>& devices) {
  return DetailedJson(context, "vassign.list/1", devices);
}

Json ShowJson(const Context& context, const std::vector<DeviceFacts>& devices) {
  return DetailedJson(context, "vassign.show/1", devices);
}

}  // namespace cli
