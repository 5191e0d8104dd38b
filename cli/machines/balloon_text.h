// The reply to query-balloon for people. Pure; a reply of any shape gives some text.
#pragma once

#include <string>

#include "vmm/control/json.h"

namespace cli {

std::string BalloonText(const vmm::control::Json& answer);

}  // namespace cli
