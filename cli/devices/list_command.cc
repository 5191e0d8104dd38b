#include "cli/devices/list_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/devices/busy.h"
#include "cli/devices/device_filter.h"
#include "cli/devices/device_json.h"
#include "cli/devices/list_columns.h"
#include "cli/devices/list_table.h"
#include "cli/devices/selector.h"
#include "cli/table.h"
#include "sysfs/guarded.h"

namespace cli {
namespace {

using sysfs::Detail;
using sysfs::PciAddress;
using sysfs::PciDevice;

struct ListOptions {
  std::vector<std::string> selectors;
  std::string columns;
  bool no_headers = false;
  bool tree = false;
  bool details = false;
  DeviceFilter filter;
};

base::Status CheckOptions(const Context& context, const ListOptions& options) {
  TRY(CheckFilter(options.filter, context));
  if (options.tree && context.json)
    return base::Fail(base::Code::kUsage, "--tree: is text, and --json is not",
                      "in JSON, `bridges` of vassign list --json --details is the same");
  if (options.details && !context.json)
    return base::Fail(base::Code::kUsage, "--details: goes with --json",
                      "vassign show DEV is everything about one device, as text");
  return {};
}

// Devices that selectors name are read alone: one name does not cost the whole bus.
base::Result<std::vector<PciDevice>> ReadSelected(const sysfs::Tree& tree,
                                                  const std::vector<std::string>& selectors,
                                                  Detail detail) {
  if (selectors.empty()) return sysfs::ReadDevices(tree, detail);
  std::vector<PciDevice> devices;
  for (const PciAddress& address : TRY(SelectAll(tree, selectors)))
    devices.push_back(TRY(sysfs::ReadDevice(tree, address, detail)));
  return devices;
}

// What is behind locks comes last, and only for what is shown.
void ReadRest(const Context& context, Detail detail, std::vector<PciDevice>& devices) {
  if (detail != Detail::kFull) return;
  if (context.sysroot.empty()) {
    for (const auto& [address, why] : sysfs::ReadGuarded(*context.tree, devices))
      context.err << kBusy << ": " << address.ToString() << ": " << why << '\n';
  } else {
    for (PciDevice& device : devices) sysfs::ReadLocked(*context.tree, device);
  }
}

base::Result<std::vector<PciDevice>> ReadMatching(const Context& context,
                                                  const ListOptions& options, Detail detail) {
  auto devices =
      TRY(ReadSelected(*context.tree, options.selectors, std::min(detail, Detail::kUnlocked)));
  std::erase_if(devices,
                [&](const PciDevice& device) { return !Passes(options.filter, device, context); });
  ReadRest(context, detail, devices);
  return devices;
}

// All devices, because those above a matching one are shown too.
base::Result<std::vector<PlacedDevice>> ReadPlaced(const Context& context,
                                                   const ListOptions& options, Detail detail) {
  const sysfs::Tree& tree = *context.tree;
  std::vector<PciAddress> selected;
  if (!options.selectors.empty()) selected = TRY(SelectAll(tree, options.selectors));
  auto devices = TRY(sysfs::ReadDevices(tree, std::min(detail, Detail::kUnlocked)));
  ReadRest(context, detail, devices);
  std::vector<PlacedDevice> placed;
  for (PciDevice& device : devices) {
    const bool is_selected =
        options.selectors.empty() ||
        std::find(selected.begin(), selected.end(), device.address) != selected.end();
    const bool matches = is_selected && Passes(options.filter, device, context);
    auto bridges = sysfs::BridgesAbove(tree, device.address);
    placed.push_back({std::move(device), std::move(bridges), matches});
  }
  return placed;
}

void ExplainBusy(Context& context, const Table& table) {
  const auto is_busy = [](const Cell& cell) { return cell.text.starts_with(kBusy); };
  const bool any = std::any_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
    return std::any_of(row.begin(), row.end(), is_busy);
  });
  if (any) context.err << kBusy << ": " << kBusyReason << '\n';
}

void Print(Context& context, const ListOptions& options, Table table) {
  table.has_header = !options.no_headers;
  context.out << Render(table, context.width, context.colour);
  ExplainBusy(context, table);
}

base::Result<Columns> TreeColumns(const Context& context, const ListOptions& options) {
  Columns columns = TRY(ParseColumns(options.columns, context));
  const bool has_address = std::any_of(columns.begin(), columns.end(),
                                       [](const ListColumn* one) { return one->name == "bdf"; });
  if (!has_address) columns.insert(columns.begin(), TRY(ParseColumns("bdf", context)).front());
  return columns;
}

base::Status RunTree(Context& context, const ListOptions& options, Detail detail) {
  const Columns columns = TRY(TreeColumns(context, options));
  detail = std::max(detail, Detail::kBrief);  // functions stand below their physical one
  for (const ListColumn* column : columns) detail = std::max(detail, column->detail);
  const auto placed = TRY(ReadPlaced(context, options, detail));
  // Who names virtual functions wants to see them.
  const bool fold = !options.filter.virtual_functions && options.selectors.empty();
  Print(context, options, TreeTable(context, columns, ArrangeTree(placed, fold)));
  return {};
}

base::Status PrintDetails(Context& context, const std::vector<PciDevice>& devices) {
  std::vector<DeviceFacts> all;
  for (const PciDevice& device : devices) {
    auto facts = ReadFacts(*context.tree, device.address, {context.sysroot, context.device_number});
    if (facts) all.push_back(std::move(*facts));  // otherwise it has just gone
  }
  PrintJson(context.out, DetailedListJson(context, all));
  return {};
}

base::Status RunList(Context& context, const ListOptions& options) {
  if (options.columns == "help") {
    context.out << ColumnHelp();
    return {};
  }
  TRY(CheckOptions(context, options));
  const Columns columns = TRY(ParseColumns(options.columns, context));
  const Detail least = DetailFor(options.filter);
  if (options.tree) return RunTree(context, options, least);
  if (options.details) return PrintDetails(context, TRY(ReadMatching(context, options, least)));
  if (context.json) {
    PrintJson(context.out, ListJson(context, TRY(ReadMatching(context, options, Detail::kFull))));
    return {};
  }
  Detail detail = least;
  for (const ListColumn* column : columns) detail = std::max(detail, column->detail);
  const auto devices = TRY(ReadMatching(context, options, detail));
  Print(context, options, ListTable(context, columns, devices));
  return {};
}

}  // namespace

void AddListCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("list", "Show the PCI devices of this host");
  command->add_option("SELECTOR", options->selectors, "Only these devices")->type_name("");
  command
      ->add_option("-o,--columns", options->columns,
                   "Columns, separated by commas; help lists them")
      ->type_name("COLUMNS");
  command->add_flag("--no-headers", options->no_headers, "Leave the titles out");
  command->add_flag("-t,--tree", options->tree,
                    "Show devices below the bridges that they are behind");
  AddReadingOptions(*command, context);
  command->add_flag("--details", options->details,
                    "With --json: all that show tells, of each device");
  AddFilterOptions(*command, options->filter);
  AddFreeOption(*command, options->filter);
  command->footer(ColumnHelp() + "\nClasses (--class):\n  " + ClassWords());
  command->callback([options, &context] {
    context.run = [options, &context] { return RunList(context, *options); };
  });
}

}  // namespace cli
