// The lines that the kernel logs from now on (/dev/kmsg; Documentation/ABI/testing/dev-kmsg).
//
// One thread. The descriptor is readable when there are lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"

namespace sysfs {

class KernelLogTail {
 public:
  // So many records at most come from one call of Take.
  static constexpr size_t kBatch = 64;

  // Nothing without the right to read the log (CAP_SYSLOG, or kernel.dmesg_restrict=0).
  static std::optional<KernelLogTail> Open(base::Kernel& kernel);
  // A descriptor that does not block and gives one record for each read.
  explicit KernelLogTail(base::Fd log) : log_(std::move(log)) {}

  const base::Fd& fd() const { return log_; }
  // What has come: lines of the kernel itself, without level and time. What the kernel has
  // overwritten meanwhile is left out.
  std::vector<std::string> Take();

 private:
  base::Fd log_;
};

// The line of a record: "6,339,5140900,-;text" and, behind a line's end, what the record is about.
// Nothing when it is not the kernel's own or not a record.
std::optional<std::string_view> KernelLine(std::string_view record);

}  // namespace sysfs
