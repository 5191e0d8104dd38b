// What every device was before we touched it: one record a device in <folder>/journal.
//
// A record is written, whole and synchronised, before the first sysfs write, so that any later run
// can finish or undo what a killed one began. The folder lives in /run: it outlives a killed
// process and not a reboot, which resets sysfs as well; a record of another boot counts as absent.
// A record that cannot be read or that belongs to another device is an error that names the file,
// never a guess.
//
// Not thread safe; writers hold the host lock (sysfs/assignment/host_lock.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/pci_device.h"

namespace sysfs {

enum class RecordState : uint8_t {
  kPending,    // bind has begun
  kApplied,    // bind has ended well
  kRestoring,  // restore has begun
};

struct Record {
  PciAddress address;
  uint16_t vendor = 0;
  uint16_t device = 0;
  std::optional<std::string> driver;           // bound before; nothing: driverless
  std::optional<std::string> driver_override;  // set before; nothing: unset
  std::optional<std::string> module;           // of the driver before; nothing: built in
  std::optional<std::string> power_control;  // "on" or "auto"; nothing: the kernel has no such file
  std::string wanted;                        // driver asked for
  RecordState state = RecordState::kPending;
  std::string boot_id;  // /proc/sys/kernel/random/boot_id
  bool operator==(const Record&) const = default;
};

std::string_view Name(RecordState state);

// The record's text (JSON with a checksum, version 1), and back. Parsing is strict: anything but
// the very text that we would write is an error.
std::string FormatRecord(const Record& record);
base::Result<Record> ParseRecord(std::string_view text);

// kUsage when the record was made for a device with other ids.
base::Status CheckIdentity(const Record& record, const PciDevice& device);

// A file of records, whole: durable and atomic, after a crash there is the old text or the new one.
// For records that other folders keep beside the journal's.
base::Status StoreRecordFile(const std::string& path, std::string_view text);
// Durable; fine when there is none.
base::Status RemoveRecordFile(const std::string& path);

class Journal {
 public:
  // `folder` is /run/vassign on a host; `boot_id` is the running one; empty when it cannot be read:
  // then no record can be told from those of other boots, and Prepare, Find and IsOfThisBoot
  // fail.
  Journal(std::string folder, std::string boot_id)
      : folder_(std::move(folder)), boot_id_(std::move(boot_id)) {}

  const std::string& folder() const { return folder_; }
  const std::string& boot_id() const { return boot_id_; }
  // Of a record here or in another folder.
  base::Result<bool> IsOfThisBoot(std::string_view boot_id) const;
  std::string RecordPath(const PciAddress& address) const;
  // The file whose lock stands for a write to the device under way.
  std::string LockPath(const PciAddress& address) const;

  // Makes the folders; needed once before the first write.
  base::Status Prepare() const;
  // Nothing when there is no record of this boot.
  base::Result<std::optional<Record>> Find(const PciAddress& address) const;
  // Devices that have a record file, of this boot or not, readable or not.
  base::Result<std::vector<PciAddress>> List() const;
  // Durable and atomic: after a crash there is the old record or the new one.
  base::Status Store(const Record& record) const;
  // Fine when there is none.
  base::Status Remove(const PciAddress& address) const;

 private:
  std::string folder_;
  std::string boot_id_;
};

}  // namespace sysfs
