// The columns of `vassign list`.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/table.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_device.h"

namespace cli {

struct ListColumn {
  std::string_view name;   // as in -o
  std::string_view title;  // as in the header
  std::string_view what;   // for --help
  bool shrinks;
  sysfs::Detail detail;  // what must be read for it
  Cell (*cell)(const Context& context, const sysfs::PciDevice& device);
};

// "bdf,class,name"; kUsage with the known names otherwise. Empty text gives the default ones.
base::Result<std::vector<const ListColumn*>> ParseColumns(const std::string& text,
                                                          const Context& context);
// A line for each column, for --help and `-o help`.
std::string ColumnHelp();

}  // namespace cli
