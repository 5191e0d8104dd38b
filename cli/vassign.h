// `vassign` as a function: what main calls with the real host, and tests with a recorded one.
#pragma once

#include "cli/context.h"

namespace cli {

// The exit status (exit_status.h).
int RunVassign(int argc, const char* const* argv, Context& context);

}  // namespace cli
