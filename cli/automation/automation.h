// The declarative file as rules: read, generated, and kept in step with what is installed.
#pragma once

#include "cli/automation/rules.h"
#include "cli/context.h"

namespace cli {

// From /etc/vassign and the pins of this tree. Without a declarative file: rules without an entry.
base::Result<Rules> RulesOf(const Context& context);

// When rules are installed on this host: writes them anew. Whether they changed.
base::Result<bool> RefreshRules(const Context& context);

// After pins were stored: rules that are installed find by its pin what the file names by serial
// number or address alone.
base::Status FollowPins(const Context& context);

// systemd and udevd read their files again, where they run.
base::Status ReloadDaemons();

}  // namespace cli
