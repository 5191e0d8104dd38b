// Devices as JSON: "vassign.list/1" and "vassign.show/1" of docs/schema/vassign.schema.json.
//
// Numbers are numbers, sizes bytes, ids and classes "0x8086" strings. An absent fact is null; when
// it could be had by other means, `unknown` names it with the reason. Names are only ever added.
#pragma once

#include <vector>

#include "cli/context.h"
#include "cli/devices/device_facts.h"
#include "cli/json_text.h"

namespace cli {

Json ListJson(const Context& context, const std::vector<sysfs::PciDevice>& devices);
// With all that ShowJson has.
Json DetailedListJson(const Context& context, const std::vector<DeviceFacts>& devices);
Json ShowJson(const Context& context, const std::vector<DeviceFacts>& devices);

}  // namespace cli
