// The columns of `vassign list`.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/devices/host_view.h"
#include "cli/table.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_device.h"

namespace cli {

// What a cell may ask: of the host each thing once, for all rows.
struct ListHost {
  const Context& context;
  HostView& view;
};

struct ListColumn {
  std::string_view name;   // as in -o
  std::string_view title;  // as in the header
  std::string_view what;   // for --help
  bool shrinks;
  sysfs::Detail detail;  // what must be read for it
  Cell (*cell)(ListHost host, const sysfs::PciDevice& device);
  bool has_owner = false;  // HostView::LookForOwners comes first
};

// "bdf,class,name"; kUsage with the known names otherwise. Empty text gives the default ones.
base::Result<std::vector<const ListColumn*>> ParseColumns(const std::string& text,
                                                          const Context& context);
// A line for each column, for --help and `-o help`.
std::string ColumnHelp();

}  // namespace cli
