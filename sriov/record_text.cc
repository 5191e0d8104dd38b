// The text form of a record.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sriov/record.h"
#include "sysfs/base/checksum.h"
#include "sysfs/base/text.h"

namespace sriov {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "vassign.sriov.record/1";

template <class Value>
json OrNull(const std::optional<Value>& value) {
  return value ? json(*value) : json(nullptr);
}

json FunctionJson(const FunctionRecord& function) {
  const VfAttributes& attributes = function.attributes;
  json object = {{"driver", OrNull(function.driver)},
                 {"driver_override", OrNull(function.driver_override)},
                 {"mac", nullptr},
                 {"vlan", nullptr},
                 {"trust", OrNull(attributes.trust)},
                 {"spoof_check", OrNull(attributes.spoof_check)},
                 {"rates", nullptr},
                 {"link", nullptr}};
  if (attributes.mac) object["mac"] = attributes.mac->ToString();
  if (attributes.vlan)
    object["vlan"] = {attributes.vlan->id, attributes.vlan->qos, attributes.vlan->protocol};
  if (attributes.rates) object["rates"] = {attributes.rates->min, attributes.rates->max};
  if (attributes.link) object["link"] = static_cast<unsigned>(*attributes.link);
  return object;
}

base::Failure Bad(std::string_view member) {
  return base::Fail(base::Code::kUsage,
                    fmt::format("not a usable record: \"{}\" is missing or wrong", member));
}

const json* Member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// A name that leads nowhere else when it becomes a part of a path.
base::Result<std::optional<std::string>> Name(const json& object, const char* member) {
  const json* value = Member(object, member);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return Bad(member);
  auto text = value->get<std::string>();
  const bool is_plain = !text.empty() && text.size() <= 128 && text != "." && text != ".." &&
                        std::all_of(text.begin(), text.end(), [](unsigned char c) {
                          return c > ' ' && c != '/' && c < 0x7f;
                        });
  if (!is_plain) return Bad(member);
  return std::optional<std::string>(std::move(text));
}

base::Result<std::optional<bool>> Flag(const json& object, const char* member) {
  const json* value = Member(object, member);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean()) return Bad(member);
  return std::optional<bool>(value->get<bool>());
}

// `count` numbers, none above `limit`; nothing when the member is null.
base::Result<std::vector<uint32_t>> Numbers(const json& object, const char* member, size_t count,
                                            uint32_t limit) {
  const json* value = Member(object, member);
  if (value == nullptr) return std::vector<uint32_t>();
  if (!value->is_array() || value->size() != count) return Bad(member);
  std::vector<uint32_t> numbers;
  for (const json& one : *value) {
    if (!one.is_number_unsigned() || one.get<uint64_t>() > limit) return Bad(member);
    numbers.push_back(one.get<uint32_t>());
  }
  return numbers;
}

base::Result<FunctionRecord> ParseFunction(const json& object) {
  if (!object.is_object()) return Bad("functions");
  FunctionRecord function;
  VfAttributes& attributes = function.attributes;
  function.driver = TRY(Name(object, "driver"));
  function.driver_override = TRY(Name(object, "driver_override"));
  if (const auto mac = TRY(Name(object, "mac"))) attributes.mac = TRY(MacAddress::ParseAny(*mac));
  const auto vlan = TRY(Numbers(object, "vlan", 3, UINT16_MAX));
  if (!vlan.empty()) {
    attributes.vlan = Vlan{static_cast<uint16_t>(vlan[0]), static_cast<uint8_t>(vlan[1]),
                           static_cast<uint16_t>(vlan[2])};
  }
  attributes.trust = TRY(Flag(object, "trust"));
  attributes.spoof_check = TRY(Flag(object, "spoof_check"));
  const auto rates = TRY(Numbers(object, "rates", 2, UINT32_MAX));
  if (!rates.empty()) attributes.rates = Rates{rates[0], rates[1]};
  if (const json* link = Member(object, "link")) {
    if (!link->is_number_unsigned() || link->get<uint64_t>() > 2) return Bad("link");
    attributes.link = static_cast<LinkState>(link->get<unsigned>());
  }
  return function;
}

base::Result<uint16_t> Id(const json& object, const char* member) {
  const json* value = Member(object, member);
  if (value == nullptr || !value->is_string()) return Bad(member);
  const auto number = base::ParseUnsigned(value->get<std::string>(), UINT16_MAX);
  if (!number) return Bad(member);
  return static_cast<uint16_t>(*number);
}

}  // namespace

std::string FormatRecord(const Record& record) {
  json functions = json::array();
  for (const FunctionRecord& one : record.functions) functions.push_back(FunctionJson(one));
  json object = {{"schema", kSchema},
                 {"bdf", record.address.ToString()},
                 {"vendor", fmt::format("0x{:04x}", record.vendor)},
                 {"device", fmt::format("0x{:04x}", record.device)},
                 {"driver", OrNull(record.driver)},
                 {"autoprobe", OrNull(record.autoprobe)},
                 {"nvme_primary", nullptr},
                 {"functions", std::move(functions)},
                 {"boot_id", record.boot_id}};
  if (record.primary) object["nvme_primary"] = {record.primary->queues, record.primary->interrupts};
  const auto dump = [&] {
    return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  };
  object["check"] = base::ChecksumText(dump());
  return dump();
}

base::Result<Record> ParseRecord(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return base::Fail(base::Code::kUsage, "not a usable record: not JSON");
  const json* schema = Member(object, "schema");
  if (schema == nullptr || *schema != kSchema)
    return base::Fail(base::Code::kUsage, "not a usable record: written by another version");
  Record record;
  const auto bdf = TRY(Name(object, "bdf"));
  if (!bdf) return Bad("bdf");
  record.address = TRY(sysfs::PciAddress::Parse(*bdf));
  record.vendor = TRY(Id(object, "vendor"));
  record.device = TRY(Id(object, "device"));
  record.driver = TRY(Name(object, "driver"));
  record.autoprobe = TRY(Flag(object, "autoprobe"));
  const auto primary = TRY(Numbers(object, "nvme_primary", 2, UINT16_MAX));
  if (!primary.empty()) {
    record.primary =
        NvmePrimaryShare{static_cast<uint16_t>(primary[0]), static_cast<uint16_t>(primary[1])};
  }
  const json* functions = Member(object, "functions");
  if (functions == nullptr || !functions->is_array()) return Bad("functions");
  for (const json& one : *functions) record.functions.push_back(TRY(ParseFunction(one)));
  const auto boot_id = TRY(Name(object, "boot_id"));
  if (!boot_id) return Bad("boot_id");
  record.boot_id = *boot_id;
  if (FormatRecord(record) != text)
    return base::Fail(base::Code::kUsage, "not a usable record: damaged or changed by hand");
  return record;
}

}  // namespace sriov
