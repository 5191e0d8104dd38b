// One device as a page of text, for 80 columns.
#pragma once

#include <string>

#include "cli/context.h"
#include "cli/devices/device_facts.h"

namespace cli {

std::string ShowText(const Context& context, const DeviceFacts& facts);

}  // namespace cli
