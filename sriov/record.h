// What a physical function and its virtual ones were before we touched them: one file for each in
// the journal's folder, written before the first change (sysfs/journal.h says what a record is).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sriov/functions.h"
#include "sriov/nvme_plan.h"
#include "sysfs/assignment/journal.h"

namespace sriov {

struct FunctionRecord {
  VfAttributes attributes;
  std::optional<std::string> driver;
  std::optional<std::string> driver_override;
  bool operator==(const FunctionRecord&) const = default;
};

struct Record {
  sysfs::PciAddress address;
  uint16_t vendor = 0;
  uint16_t device = 0;
  std::optional<std::string> driver;  // of the physical function, while it had these functions
  std::optional<bool> autoprobe;
  std::optional<NvmePrimaryShare> primary;
  std::vector<FunctionRecord> functions;  // all that were enabled
  std::string boot_id;
  bool operator==(const Record&) const = default;
};

Record MakeRecord(const PhysicalFunction& pf, const std::string& boot_id);

// JSON, version 1. Parsing is strict: anything but the very text that we would write is kUsage.
std::string FormatRecord(const Record& record);
base::Result<Record> ParseRecord(std::string_view text);

// kUsage when another card sits there now.
base::Status CheckRecord(const sysfs::Journal& journal, const Record& record,
                         const sysfs::PciDevice& device);

std::string RecordPath(const sysfs::Journal& journal, const sysfs::PciAddress& address);
// Nothing when there is none of this boot.
base::Result<std::optional<Record>> FindRecord(const sysfs::Journal& journal,
                                               const sysfs::PciAddress& address);
base::Status StoreRecord(const sysfs::Journal& journal, const Record& record);
base::Status RemoveRecord(const sysfs::Journal& journal, const sysfs::PciAddress& address);
// Physical functions that have a record file, of this boot or not.
std::vector<sysfs::PciAddress> ListRecords(const sysfs::Journal& journal);

}  // namespace sriov
