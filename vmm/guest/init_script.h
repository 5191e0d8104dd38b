// The first program of the default guest: a script for busybox's shell.
#pragma once

#include <string_view>

namespace vmm::guest {

// It reads
//   kModuleFolder/order     one module file a line, in load order
//   kDevicesFile            the beginning of the modalias of each assigned device with a driver
//   kConsoleFile            the console's terminal, when a module brings it
//   kCommandFile            the command of `--exec`; without this file there is a shell
//                           on the console
// and speaks on COM2 to COM4 as exec_channel.h and platform.h say.
std::string_view InitScript();

inline constexpr std::string_view kInitPath = "/init";
inline constexpr std::string_view kModuleFolder = "/modules";
inline constexpr std::string_view kDevicesFile = "/vassign/devices";
inline constexpr std::string_view kConsoleFile = "/vassign/console";
inline constexpr std::string_view kCommandFile = "/vassign/command";

}  // namespace vmm::guest
