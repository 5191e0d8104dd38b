// Where the running machines are recorded: the folder of the context, or the user's own.
#pragma once

#include <string>

#include "cli/context.h"
#include "sysfs/base/result.h"

namespace cli {

// Fails as vmm::control::RuntimeFolder does.
base::Result<std::string> MachinesFolder(const Context& context);

}  // namespace cli
