// A command that runs as our child, and what it ends with.
#pragma once

#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace cli {

struct ChildCommand {
  std::vector<std::string> words;
  std::vector<base::Fd> inherited;  // keep their numbers; closed here once the command has them
};

// Runs it until it ends. SIGTERM and SIGHUP are passed on to it; SIGINT and SIGQUIT reach it from
// the terminal and do not end us. It gets SIGTERM when we die. Its exit status, or 128 and the
// number of the signal that ended it; kNotFound when there is no such program.
base::Result<int> RunChild(ChildCommand command);

}  // namespace cli
