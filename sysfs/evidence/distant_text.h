// The text form of interfaces in other network namespaces, for its way out of a process that looked
// for them. Names may hold any byte but NUL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/evidence/namespaces.h"

namespace sysfs {

std::string FormatDistant(const std::vector<DistantInterface>& interfaces);
std::vector<DistantInterface> ParseDistant(std::string_view text);

}  // namespace sysfs
