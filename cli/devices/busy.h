// How a device is shown whose lock another process holds (sysfs/guarded.h).
#pragma once

#include <string_view>

namespace cli {

inline constexpr std::string_view kBusy = "busy";
inline constexpr std::string_view kBusyReason =
    "a bind, unbind or change of virtual functions is under way and holds the device's lock";

}  // namespace cli
