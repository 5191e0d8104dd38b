#include "sriov/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "sysfs/base/fd.h"

namespace sriov {
namespace {

using sysfs::Journal;
using sysfs::PciAddress;

constexpr size_t kRecordLimit = 256 * 1024;  // 256 functions at most, a few hundred bytes each
constexpr std::string_view kSuffix = ".sriov";

}  // namespace

Record MakeRecord(const PhysicalFunction& pf, const std::string& boot_id) {
  Record record;
  record.address = pf.device.address;
  record.vendor = pf.device.vendor;
  record.device = pf.device.device;
  record.driver = pf.device.driver;
  record.autoprobe = pf.autoprobe;
  if (pf.primary) {
    record.primary = NvmePrimaryShare{pf.primary->queues.primary, pf.primary->interrupts.primary};
  }
  for (const VirtualFunction& one : pf.functions) {
    record.functions.push_back({one.attributes, one.device.driver, one.device.driver_override});
  }
  record.boot_id = boot_id;
  return record;
}

base::Status CheckRecord(const Journal& journal, const Record& record,
                         const sysfs::PciDevice& device) {
  if (record.vendor == device.vendor && record.device == device.device) return {};
  return base::Fail(
      base::Code::kUsage,
      fmt::format("{}: the record of its virtual functions is of a device {:04x}:{:04x}, present "
                  "is {:04x}:{:04x}",
                  device.address.ToString(), record.vendor, record.device, device.vendor,
                  device.device),
      "another card sits there now: remove " + RecordPath(journal, device.address) +
          " and try again");
}

std::string RecordPath(const Journal& journal, const PciAddress& address) {
  return fmt::format("{}/journal/{}{}", journal.folder(), address.ToString(), kSuffix);
}

base::Result<std::optional<Record>> FindRecord(const Journal& journal, const PciAddress& address) {
  const std::string path = RecordPath(journal, address);
  const auto text = base::ReadFile(path, kRecordLimit);
  if (!text) {
    if (text.error().err() == ENOENT) return std::optional<Record>();
    return base::Failure(text.error());
  }
  auto record = ParseRecord(*text);
  if (record && record->address != address)
    record = base::Fail(base::Code::kUsage, "not a usable record: it is of another device");
  if (!record) {
    return base::Failure(
        std::move(record.error())
            .With(path)
            .WithHint("look at the virtual functions by hand (vassign sriov show), then remove " +
                      path));
  }
  if (!TRY(journal.IsOfThisBoot(record->boot_id))) return std::optional<Record>();
  return std::optional<Record>(std::move(*record));
}

base::Status StoreRecord(const Journal& journal, const Record& record) {
  return sysfs::StoreRecordFile(RecordPath(journal, record.address), FormatRecord(record));
}

base::Status RemoveRecord(const Journal& journal, const PciAddress& address) {
  return sysfs::RemoveRecordFile(RecordPath(journal, address));
}

std::vector<PciAddress> ListRecords(const Journal& journal) {
  std::vector<PciAddress> all;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(journal.folder() + "/journal", error), end;
       !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename();
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    const auto address = PciAddress::Parse(name);
    if (address && address->ToString() == name) all.push_back(*address);
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace sriov
