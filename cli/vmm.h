// `vmm` as a function: what main calls with the real host, and tests with a recorded one.
#pragma once

#include "cli/context.h"

namespace cli {

// The exit status (exit_status.h); with --exec the guest command's, and 125 for our own failures.
int RunVmm(int argc, const char* const* argv, Context& context);

}  // namespace cli
