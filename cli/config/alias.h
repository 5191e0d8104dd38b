// A device by the name of its entry in the declarative file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/config/config.h"

namespace cli {

// Nothing when no entry has this name, or the file cannot be used at all; the error of Resolve when
// the entry finds no device.
base::Result<std::optional<sysfs::PciAddress>> FindAlias(const sysfs::Tree& tree,
                                                         std::string_view name);

// Why no entry's name can be known: "FILE:LINE: ...". Empty when all files can be read, or there is
// none.
std::string WhyNoAlias(const sysfs::Tree& tree);

}  // namespace cli
