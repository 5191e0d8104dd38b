#include "vmm/virtio/blk/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "sysfs/base/text.h"
#include "vmm/virtio/setting.h"

namespace vmm::virtio {
namespace {

using base::Code;
using base::Fail;

base::Result<CacheMode> ParseCache(std::string_view text) {
  for (const auto mode :
       {CacheMode::kWriteback, CacheMode::kNone, CacheMode::kWritethrough, CacheMode::kUnsafe}) {
    if (text == CacheName(mode)) return mode;
  }
  return Fail(Code::kUsage, fmt::format("cache={}: not a mode", text),
              "use writeback, none, writethrough or unsafe");
}

base::Result<std::string> ParseSerial(std::string_view text) {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char one) { return one > ' ' && one <= '~'; });
  if (!text.empty() && text.size() <= kMostSerial && printable) {
    return std::string(text);
  }
  return Fail(Code::kUsage, fmt::format("serial={}: not a serial number", text),
              fmt::format("use 1 to {} printable characters", kMostSerial));
}

base::Status ParseRate(std::string_view part, RateLimits& rate) {
  const std::string_view value = part.substr(part.find('=') + 1);
  if (part.starts_with("iops=")) {
    const auto count = base::ParseDecimal(value, kMostOperations);
    if (!count || *count == 0) {
      return Fail(Code::kUsage, fmt::format("{}: not a number of requests", part),
                  fmt::format("use 1 to {}", kMostOperations));
    }
    rate.operations = *count;
    return {};
  }
  auto bytes = ParseByteRate(value);
  if (!bytes) return base::Failure(std::move(bytes).error().With("bps="));
  rate.bytes = *bytes;
  return {};
}

base::Status ParseErrors(std::string_view part, ErrorPolicies& errors) {
  const bool reads = part.starts_with("rerror=");
  const std::string_view value = part.substr(part.find('=') + 1);
  for (const auto policy : {ErrorPolicy::kReport, ErrorPolicy::kStop, ErrorPolicy::kEnospc}) {
    if (value != PolicyName(policy) || (reads && policy == ErrorPolicy::kEnospc)) continue;
    (reads ? errors.read : errors.write) = policy;
    return {};
  }
  return Fail(Code::kUsage, fmt::format("{}: not what can be done", part),
              reads ? "use report or stop" : "use report, stop or enospc");
}

base::Status ParseOne(const Setting& setting, BlkOptions& disk) {
  const std::string_view part = setting.text;
  const auto value = [&](std::string_view name) { return part.substr(name.size()); };
  if (part == "readonly") {
    disk.image.readonly = true;
  } else if (part.starts_with("serial=")) {
    disk.serial = TRY(ParseSerial(value("serial=")));
  } else if (part.starts_with("cache=")) {
    disk.image.cache = TRY(ParseCache(value("cache=")));
  } else if (part.starts_with("queues=")) {
    const auto queues = base::ParseDecimal(value("queues="), kMostBlkQueues);
    if (!queues || *queues == 0) {
      return Fail(Code::kUsage, fmt::format("{}: not a number of queues", part),
                  fmt::format("use 1 to {}", kMostBlkQueues));
    }
    disk.queues = static_cast<unsigned>(*queues);
  } else if (setting.name == "packed") {
    disk.packed = TRY(ParseSwitch(setting));
  } else if (part.starts_with("iops=") || part.starts_with("bps=")) {
    TRY(ParseRate(part, disk.rate));
  } else if (part.starts_with("rerror=") || part.starts_with("werror=")) {
    TRY(ParseErrors(part, disk.errors));
  } else if (part == "format=raw") {
    disk.image.raw = true;
  } else if (part.starts_with("format=")) {
    return Fail(Code::kUsage, fmt::format("{}: only raw images are known", part),
                "convert it: qemu-img convert -O raw OLD NEW");
  } else {
    return Fail(Code::kUsage, fmt::format("unknown option \"{}\"", part),
                fmt::format("a disk is {}", kDiskForm));
  }
  return {};
}

}  // namespace

base::Result<BlkOptions> ParseDisk(const std::vector<std::string_view>& parts, unsigned cpus) {
  BlkOptions disk;
  disk.image.file = parts.front();
  disk.queues = std::min(cpus, kMostBlkQueues);
  if (disk.image.file.empty()) return Fail(Code::kUsage, "the file's name is empty");
  const auto settings = TRY(ParseSettings(std::span(parts).subspan(1)));
  for (const Setting& one : settings) TRY(ParseOne(one, disk));
  return disk;
}

}  // namespace vmm::virtio
