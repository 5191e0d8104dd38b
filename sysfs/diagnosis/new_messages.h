// What the kernel logs while a command changes something: its messages from a moment on.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sysfs {

// From now on; each call gives all lines since then. An empty function where the log may not be
// read (/dev/kmsg needs CAP_SYSLOG, or kernel.dmesg_restrict=0).
std::function<std::string()> FollowKernelLog();

// The line of a record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg), without what follows it.
// Nothing when the record makes no sense or was written by a program.
std::optional<std::string> MessageOf(std::string_view record);

}  // namespace sysfs
