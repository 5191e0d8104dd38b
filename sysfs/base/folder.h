// What a folder holds.
#pragma once

#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace base {

// The names in a folder, sorted, without "." and ".."; all of them, or the error, which names `path`.
Result<std::vector<std::string>> NamesIn(Fd folder, const std::string& path);
Result<std::vector<std::string>> NamesIn(const std::string& path);

}  // namespace base
