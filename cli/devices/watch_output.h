// A change as a line: of text, or of JSON ("vassign.watch/1" of docs/schema/vassign.schema.json).
#pragma once

#include <chrono>
#include <string>

#include "cli/devices/watch_changes.h"
#include "sysfs/names.h"

namespace cli {

using WatchTime = std::chrono::system_clock::time_point;

// "14:02:03  0000:08:00.0  bound      vfio-pci", in local time, without a newline. A change of
// style marks what happens to the device itself.
std::string WatchText(const Change& change, WatchTime time, const sysfs::Names& names, bool colour);
// One line without a newline; the time is UTC in milliseconds (RFC 3339).
std::string WatchJson(const Change& change, WatchTime time);

}  // namespace cli
