// When `vassign watch` has to look again.
//
// The kernel announces devices that come and go and drivers that bind and unbind. Overrides, the
// number of virtual functions and who has a device open change without a word, so the source also
// wakes up at an interval; a lost event is made good then too.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/udev.h"

namespace cli {

struct Wake {
  bool stop = false;         // by a signal, or nobody reads the output any more
  bool look_at_all = false;  // the interval is over
  std::vector<sysfs::DeviceEvent> events;
};

struct WatchSource {
  std::function<base::Result<Wake>()> wait;
  std::function<std::chrono::system_clock::time_point()> now;
};

// On the running host: kernel events, with or without udevd. SIGINT and SIGTERM, and the end of the
// reader of standard output, stop it; they are blocked from now on.
base::Result<WatchSource> HostWatchSource(std::chrono::milliseconds interval);

}  // namespace cli
