// The words {bdf}, {group}, {cdev} ... in the command of `vassign with`.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"

namespace cli {

// What each name stands for, of one device.
using Values = std::map<std::string, std::string, std::less<>>;

// {name} is that of the first device, {name:2} of the second. `{{` is a brace. kUsage for a name
// that is not known, for one that has no value here, and for a device that was not named.
base::Result<std::string> Expand(std::string_view word, const std::vector<Values>& devices);

}  // namespace cli
