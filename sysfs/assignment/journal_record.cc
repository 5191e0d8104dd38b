// The text form of a record.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sysfs/assignment/journal.h"
#include "sysfs/base/checksum.h"
#include "sysfs/base/text.h"

namespace sysfs {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "vassign.record/1";

json OrNull(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

std::string Dump(const json& object) {
  return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

base::Failure Bad(std::string_view member) {
  return base::Fail(base::Code::kUsage,
                    fmt::format("not a usable record: \"{}\" is missing or wrong", member));
}

// No text of the kernel's that we record is longer, holds a blank or a control character, or leaves
// its folder: driver and module names become parts of paths.
bool IsName(const std::string& text) {
  if (text.empty() || text.size() > 128 || text == "." || text == "..") return false;
  for (const char c : text) {
    if (c <= ' ' || c == '/' || c == 0x7f) return false;
  }
  return true;
}

base::Result<std::string> Text(const json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) return Bad(member);
  return found->get<std::string>();
}

base::Result<std::string> NameOf(const json& object, const char* member) {
  std::string text = TRY(Text(object, member));
  if (!IsName(text)) return Bad(member);
  return text;
}

base::Result<std::optional<std::string>> OptionalName(const json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end()) return Bad(member);
  if (found->is_null()) return std::optional<std::string>();
  return std::optional<std::string>(TRY(NameOf(object, member)));
}

// The two words of power/control (Documentation/ABI/testing/sysfs-devices-power).
base::Result<std::optional<std::string>> PowerOf(const json& object) {
  auto word = TRY(OptionalName(object, "power_control"));
  if (word && *word != "on" && *word != "auto") return Bad("power_control");
  return word;
}

base::Result<uint16_t> Id(const json& object, const char* member) {
  const std::string text = TRY(Text(object, member));
  const auto value = base::ParseUnsigned(text, 0xffff);
  if (!value || text != fmt::format("0x{:04x}", *value)) return Bad(member);
  return static_cast<uint16_t>(*value);
}

base::Result<PciAddress> AddressOf(const json& object) {
  const std::string text = TRY(Text(object, "bdf"));
  const auto address = PciAddress::Parse(text);
  if (!address || address->ToString() != text) return Bad("bdf");
  return *address;
}

base::Result<RecordState> StateOf(const json& object) {
  const std::string text = TRY(Text(object, "state"));
  for (const auto state : {RecordState::kPending, RecordState::kApplied, RecordState::kRestoring}) {
    if (text == Name(state)) return state;
  }
  return Bad("state");
}

}  // namespace

std::string_view Name(RecordState state) {
  switch (state) {
    case RecordState::kPending:
      return "pending";
    case RecordState::kApplied:
      return "applied";
    case RecordState::kRestoring:
      return "restoring";
  }
  return "unknown";
}

std::string FormatRecord(const Record& record) {
  json object = {{"schema", kSchema},
                 {"bdf", record.address.ToString()},
                 {"vendor", fmt::format("0x{:04x}", record.vendor)},
                 {"device", fmt::format("0x{:04x}", record.device)},
                 {"driver", OrNull(record.driver)},
                 {"driver_override", OrNull(record.driver_override)},
                 {"module", OrNull(record.module)},
                 {"power_control", OrNull(record.power_control)},
                 {"wanted", record.wanted},
                 {"state", Name(record.state)},
                 {"boot_id", record.boot_id}};
  object["check"] = base::ChecksumText(Dump(object));
  return Dump(object);
}

base::Result<Record> ParseRecord(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return base::Fail(base::Code::kUsage, "not a usable record: not JSON");
  const std::string schema = TRY(Text(object, "schema"));
  if (schema != kSchema) {
    return base::Fail(base::Code::kUsage,
                      "not a usable record: written by another version (" + schema + ")");
  }
  Record record;
  record.address = TRY(AddressOf(object));
  record.vendor = TRY(Id(object, "vendor"));
  record.device = TRY(Id(object, "device"));
  record.driver = TRY(OptionalName(object, "driver"));
  record.driver_override = TRY(OptionalName(object, "driver_override"));
  record.module = TRY(OptionalName(object, "module"));
  record.power_control = TRY(PowerOf(object));
  record.wanted = TRY(NameOf(object, "wanted"));
  record.state = TRY(StateOf(object));
  record.boot_id = TRY(NameOf(object, "boot_id"));
  // Byte for byte what we would write: nothing unknown, nothing twice, and the checksum holds.
  if (FormatRecord(record) != text)
    return base::Fail(base::Code::kUsage, "not a usable record: damaged or changed by hand");
  return record;
}

base::Status CheckIdentity(const Record& record, const PciDevice& device) {
  if (record.vendor == device.vendor && record.device == device.device) return {};
  return base::Fail(
      base::Code::kUsage,
      fmt::format("{}: the journal's record is of a device {:04x}:{:04x}, present is {:04x}:{:04x}",
                  device.address.ToString(), record.vendor, record.device, device.vendor,
                  device.device));
}

}  // namespace sysfs
