#include "cli/config/pin.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/config/config.h"
#include "cli/context.h"
#include "sysfs/assignment/journal.h"
#include "sysfs/base/checksum.h"
#include "sysfs/base/fd.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSuffix = ".json";
constexpr size_t kPinLimit = size_t{64} << 10;

Json OrNull(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<std::string> TextOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

bool TakeIds(const Json& json, const char* key, uint16_t& first, uint16_t& second) {
  const std::string text = TextOf(json, key).value_or("");
  const auto parts = base::Split(text, ':');
  if (parts.size() != 2) return false;
  const auto vendor = base::ParseHex(parts[0], UINT16_MAX);
  const auto device = base::ParseHex(parts[1], UINT16_MAX);
  if (!vendor || !device) return false;
  first = static_cast<uint16_t>(*vendor);
  second = static_cast<uint16_t>(*device);
  return true;
}

}  // namespace

std::string FormatPin(const sysfs::Identity& identity) {
  Json json = {{"version", 1},
               {"path", identity.path},
               {"id", Format(IdPair{identity.vendor, identity.device})},
               {"subsystem", Format(IdPair{identity.subsystem_vendor, identity.subsystem_device})},
               {"serial", OrNull(identity.serial)},
               {"dsn", OrNull(identity.dsn)},
               {"mac", OrNull(identity.mac)}};
  json["check"] = base::ChecksumText(Dump(json));
  return Dump(json);
}

base::Result<sysfs::Identity> ParsePin(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  sysfs::Identity identity;
  const bool is_whole =
      json.is_object() && TakeIds(json, "id", identity.vendor, identity.device) &&
      TakeIds(json, "subsystem", identity.subsystem_vendor, identity.subsystem_device);
  if (is_whole) {
    identity.path = TextOf(json, "path").value_or("");
    identity.serial = TextOf(json, "serial");
    identity.dsn = TextOf(json, "dsn");
    identity.mac = TextOf(json, "mac");
    const auto path = sysfs::ParsePciPath(identity.path);
    if (path && *path == identity.path && FormatPin(identity) == text) return identity;
  }
  return base::Fail(base::Code::kUsage,
                    "not a pin that this vassign wrote: damaged or changed by hand");
}

std::string Pins::Path(std::string_view name) const {
  return fmt::format("{}/{}{}", folder_, name, kSuffix);
}

base::Result<Pinned> Pins::Read() const {
  Pinned all;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename();
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    auto pin = ParsePin(TRY(base::ReadFile(Path(name), kPinLimit)));
    if (!pin) {
      return base::Failure(std::move(pin.error())
                               .With(Path(name))
                               .WithHint("see that the right card is there, then remove the file"));
    }
    all.emplace(std::move(name), std::move(*pin));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return base::FailErrno(folder_, error.value());
  return all;
}

base::Status Pins::Store(std::string_view name, const sysfs::Identity& identity) const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return base::FailErrno("make " + folder_, error.value());
  return sysfs::StoreRecordFile(Path(name), FormatPin(identity));
}

Pins PinsOf(const Context& context) {
  if (context.pins) return *context.pins;
  return context.sysroot.empty() ? Pins() : Pins(context.sysroot + "/var/lib/vassign/pins");
}

base::Status Pins::Remove(std::string_view name) const {
  return sysfs::RemoveRecordFile(Path(name));
}

}  // namespace cli
