// The kernel's command line of the default guest.
#pragma once

#include <string>
#include <string_view>

namespace vmm::guest {

// `exec`: a command runs instead of a shell. `append` is the user's and comes last, so that it
// wins. Pure.
std::string DefaultCommandLine(bool exec, std::string_view append);

}  // namespace vmm::guest
