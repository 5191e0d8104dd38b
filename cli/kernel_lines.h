// What the kernel said while a command failed, beside the error.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/json_text.h"
#include "sysfs/base/result.h"
#include "sysfs/diagnosis/kernel_log.h"

namespace cli {

// What the kernel has logged about the devices that the error names, since the command began to
// change something. Empty for errors that do not come from a change.
std::vector<sysfs::LogLine> KernelLines(const Context& context, const base::Error& error);

// "  kernel: LINE" for each, its meaning and cure below it where they are known.
std::string KernelLinesText(const std::vector<sysfs::LogLine>& lines);

// [{"line", "meaning", "cure"}]: null where they are not known.
Json KernelLinesJson(const std::vector<sysfs::LogLine>& lines);

}  // namespace cli
