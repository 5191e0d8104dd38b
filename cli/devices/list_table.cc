#include "cli/devices/list_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sysfs/base/text.h"

namespace cli {
namespace {

Table WithTitles(const Columns& columns) {
  Table table;
  for (const ListColumn* column : columns)
    table.columns.push_back({std::string(column->title), column->shrinks});
  return table;
}

std::optional<std::string> Ranges(const std::vector<std::string>& values) {
  std::vector<uint64_t> numbers;
  for (const std::string& value : values) {
    const auto number = base::ParseDecimal(value);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  std::string text;
  for (size_t first = 0; first < numbers.size();) {
    size_t last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] - numbers[last] <= 1) ++last;
    text += text.empty() ? "" : ", ";
    text += std::to_string(numbers[first]);
    if (numbers[last] != numbers[first]) text += "-" + std::to_string(numbers[last]);
    first = last + 1;
  }
  return text;
}

bool IsAddress(const ListColumn& column) { return column.name == "bdf"; }

Cell FoldedCell(ListHost host, const ListColumn& column, const TreeRow& row) {
  const size_t count = row.shown.size();
  if (IsAddress(column))
    return {fmt::format("{}{} VF{}", row.branch, count, count == 1 ? "" : "s")};
  std::vector<std::string> values;
  for (const PlacedDevice* one : row.shown) values.push_back(column.cell(host, one->device).text);
  return {Summary(std::move(values))};
}

Cell SingleCell(ListHost host, const ListColumn& column, const TreeRow& row) {
  const PlacedDevice& one = *row.shown.front();
  Cell cell = column.cell(host, one.device);
  if (IsAddress(column)) cell.text = row.branch + cell.text;
  if (!one.matches) cell.style = Style::kDim;
  return cell;
}

bool WantsOwner(const Columns& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const ListColumn* column) { return column->has_owner; });
}

std::vector<sysfs::PciDevice> DevicesOf(std::span<const TreeRow> rows) {
  std::vector<sysfs::PciDevice> devices;
  for (const TreeRow& row : rows) {
    for (const PlacedDevice* one : row.shown) devices.push_back(one->device);
  }
  return devices;
}

}  // namespace

std::string Summary(std::vector<std::string> values) {
  constexpr size_t kMost = 3;
  if (const auto ranges = Ranges(values)) return *ranges;
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (values.size() == 1) return values.front();
  for (std::string& value : values) {
    if (value.empty()) value = "-";
  }
  if (values.size() > kMost) {
    values.resize(kMost);
    values.emplace_back("…");
  }
  return fmt::format("{}", fmt::join(values, ", "));
}

Table ListTable(const Context& context, const Columns& columns,
                std::span<const sysfs::PciDevice> devices) {
  HostView view(*context.tree, context.device_number);
  if (WantsOwner(columns)) view.LookForOwners(devices);
  Table table = WithTitles(columns);
  for (const sysfs::PciDevice& device : devices) {
    auto& row = table.rows.emplace_back();
    for (const ListColumn* column : columns) row.push_back(column->cell({context, view}, device));
  }
  return table;
}

Table TreeTable(const Context& context, const Columns& columns, std::span<const TreeRow> rows) {
  HostView view(*context.tree, context.device_number);
  if (WantsOwner(columns)) view.LookForOwners(DevicesOf(rows));
  const ListHost host = {context, view};
  Table table = WithTitles(columns);
  for (const TreeRow& one : rows) {
    auto& row = table.rows.emplace_back();
    for (const ListColumn* column : columns)
      row.push_back(one.folded ? FoldedCell(host, *column, one) : SingleCell(host, *column, one));
  }
  return table;
}

}  // namespace cli
