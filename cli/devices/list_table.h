// The rows of `vassign list`, flat or as a tree.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/devices/device_tree.h"
#include "cli/devices/list_columns.h"
#include "cli/table.h"

namespace cli {

using Columns = std::vector<const ListColumn*>;

Table ListTable(const Context& context, const Columns& columns,
                std::span<const sysfs::PciDevice> devices);
// The tree is drawn in the column of the address. What was not asked for is dim.
Table TreeTable(const Context& context, const Columns& columns, std::span<const TreeRow> rows);

// The values of several functions as one: each once, numbers as ranges ("17-23, 30"), at most three
// words.
std::string Summary(std::vector<std::string> values);

}  // namespace cli
