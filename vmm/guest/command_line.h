// The kernel's command line of the default guest.
#pragma once

#include <string>
#include <string_view>

namespace vmm::guest {

// The terminals that a guest's console can be.
inline constexpr std::string_view kSerialConsole = "ttyS0";
inline constexpr std::string_view kVirtioConsole = "hvc0";

// `console` is one of these. `exec`: a command runs instead of a shell. `append` is the user's and
// comes last, so that it wins. Pure.
std::string DefaultCommandLine(std::string_view console, bool exec, std::string_view append);

}  // namespace vmm::guest
