// What needs a device, in JSON: the same in `in_use` of a device and of an error.
#pragma once

#include <vector>

#include "cli/json_text.h"
#include "sysfs/base/result.h"

namespace cli {

// Each with kind, detail, path, severity ("refuse" or "warn"), and reason, risk and cure, null
// where there is none.
Json UsesJson(const std::vector<base::Use>& uses);

}  // namespace cli
