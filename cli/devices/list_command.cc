#include "cli/devices/list_command.h"

#include <memory>

#include "cli/commands.h"
#include "cli/devices/device_filter.h"
#include "cli/devices/device_json.h"
#include "cli/devices/list_columns.h"
#include "cli/devices/selector.h"
#include "cli/table.h"

namespace cli {
namespace {

using sysfs::Detail;
using sysfs::PciDevice;

struct ListOptions {
  std::vector<std::string> selectors;
  std::string columns;
  bool no_headers = false;
  DeviceFilter filter;
};

// Devices that selectors name are read alone: one name does not cost the whole bus.
base::Result<std::vector<PciDevice>> ReadSelected(const sysfs::Tree& tree,
                                                  const std::vector<std::string>& selectors,
                                                  Detail detail) {
  if (selectors.empty()) return sysfs::ReadDevices(tree, detail);
  std::vector<PciDevice> devices;
  for (const sysfs::PciAddress& address : TRY(SelectAll(tree, selectors)))
    devices.push_back(TRY(sysfs::ReadDevice(tree, address, detail)));
  return devices;
}

base::Result<std::vector<PciDevice>> ReadMatching(const Context& context,
                                                  const ListOptions& options, Detail detail) {
  TRY(CheckFilter(options.filter));
  auto devices = TRY(ReadSelected(*context.tree, options.selectors, detail));
  std::erase_if(devices, [&](const PciDevice& device) {
    return !Passes(options.filter, device, *context.tree, context.names);
  });
  return devices;
}

Table MakeTable(const Context& context, const std::vector<const ListColumn*>& columns,
                const std::vector<PciDevice>& devices) {
  Table table;
  for (const ListColumn* column : columns)
    table.columns.push_back({std::string(column->title), column->shrinks});
  for (const PciDevice& device : devices) {
    auto& row = table.rows.emplace_back();
    for (const ListColumn* column : columns) row.push_back(column->cell(context, device));
  }
  return table;
}

base::Status RunList(Context& context, const ListOptions& options) {
  const auto columns = TRY(ParseColumns(options.columns, context));
  Detail detail = context.json ? Detail::kFull : Detail::kBrief;
  for (const ListColumn* column : columns) detail = std::max(detail, column->detail);
  const auto devices = TRY(ReadMatching(context, options, detail));
  if (context.json) {
    PrintJson(context.out, ListJson(context, devices));
    return {};
  }
  Table table = MakeTable(context, columns, devices);
  table.has_header = !options.no_headers;
  context.out << Render(table, context.width, context.colour);
  return {};
}

void AddFilters(CLI::App& command, DeviceFilter& filter) {
  constexpr const char* kGroup =
      "Filters (repeat one for alternatives; different ones must all hold)";
  command
      .add_option("--class", filter.classes, "Class by name or by its leading digits: net, 0108")
      ->type_name("CLASS")
      ->expected(1)
      ->take_all()
      ->group(kGroup);
  command.add_option("--driver", filter.drivers, "Driver that is bound; none for no driver")
      ->type_name("NAME")
      ->expected(1)
      ->take_all()
      ->group(kGroup);
  command.add_option("--vendor", filter.vendors, "Vendor number (8086) or a part of its name")
      ->type_name("VENDOR")
      ->expected(1)
      ->take_all()
      ->group(kGroup);
  command.add_option("--group", filter.groups, "IOMMU group")
      ->type_name("N")
      ->expected(1)
      ->take_all()
      ->group(kGroup);
  command.add_flag("--vf", filter.virtual_functions, "SR-IOV virtual functions")->group(kGroup);
  command.add_flag("--pf", filter.physical_functions, "SR-IOV capable physical functions")
      ->group(kGroup);
}

}  // namespace

void AddListCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("list", "Show the PCI devices of this host");
  command->add_option("SELECTOR", options->selectors, "Only these devices")->type_name("");
  command->add_option("-o,--columns", options->columns, "Columns, separated by commas")
      ->type_name("COLUMNS");
  command->add_flag("--no-headers", options->no_headers, "Leave the titles out");
  AddReadingOptions(*command, context);
  AddFilters(*command, options->filter);
  command->footer(ColumnHelp() + "\nClasses (--class):\n  " + ClassWords());
  command->callback([options, &context] {
    context.run = [options, &context] { return RunList(context, *options); };
  });
}

}  // namespace cli
