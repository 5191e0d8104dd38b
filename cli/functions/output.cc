#include "cli/functions/output.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/table.h"

namespace cli {
namespace {

using sriov::PhysicalFunction;
using sriov::VirtualFunction;

template <class Value>
Json OrNull(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string OnOff(const std::optional<bool>& value) {
  if (!value) return {};
  return *value ? "on" : "off";
}

std::string VlanText(const std::optional<sriov::Vlan>& vlan) {
  if (!vlan || vlan->id == 0) return {};
  return vlan->qos == 0 ? std::to_string(vlan->id) : fmt::format("{}:{}", vlan->id, vlan->qos);
}

std::string RateText(const std::optional<sriov::Rates>& rates) {
  if (!rates || (rates->min == 0 && rates->max == 0)) return {};
  return fmt::format("{}-{}", rates->min, rates->max == 0 ? "" : std::to_string(rates->max));
}

// A column that says nothing about any function is left out.
void DropEmptyColumns(Table& table) {
  for (size_t column = table.columns.size(); column-- > 0;) {
    const bool is_empty = std::all_of(table.rows.begin(), table.rows.end(),
                                      [&](const auto& row) { return row[column].text.empty(); });
    if (!is_empty) continue;
    const auto at = static_cast<std::ptrdiff_t>(column);
    table.columns.erase(table.columns.begin() + at);
    for (auto& row : table.rows) row.erase(row.begin() + at);
  }
}

std::vector<Cell> Row(const VirtualFunction& function) {
  const sriov::VfAttributes& attributes = function.attributes;
  const auto& controller = function.controller;
  const auto& device = function.device;
  return {{std::to_string(function.index)},
          {device.address.ToString()},
          {device.driver.value_or("none")},
          {device.iommu_group ? std::to_string(*device.iommu_group) : ""},
          {attributes.mac ? attributes.mac->ToString() : ""},
          {VlanText(attributes.vlan)},
          {OnOff(attributes.trust)},
          {OnOff(attributes.spoof_check)},
          {RateText(attributes.rates)},
          {attributes.link ? std::string(sriov::Name(*attributes.link)) : ""},
          {controller ? (controller->online ? "online" : "offline") : ""},
          {controller ? std::to_string(controller->queues) : ""},
          {controller ? std::to_string(controller->interrupts) : ""},
          {function.msix_count ? std::to_string(*function.msix_count) : ""}};
}

Json AttributesJson(const sriov::VfAttributes& attributes) {
  if (attributes == sriov::VfAttributes()) return nullptr;
  Json json = {{"mac", nullptr},
               {"vlan", nullptr},
               {"qos", nullptr},
               {"trust", OrNull(attributes.trust)},
               {"spoof_check", OrNull(attributes.spoof_check)},
               {"min_rate_mbit", nullptr},
               {"max_rate_mbit", nullptr},
               {"link", nullptr}};
  if (attributes.mac) json["mac"] = attributes.mac->ToString();
  if (attributes.vlan) json["vlan"] = attributes.vlan->id;
  if (attributes.vlan) json["qos"] = attributes.vlan->qos;
  if (attributes.rates) json["min_rate_mbit"] = attributes.rates->min;
  if (attributes.rates) json["max_rate_mbit"] = attributes.rates->max;
  if (attributes.link) json["link"] = std::string(sriov::Name(*attributes.link));
  return json;
}

Json FunctionJson(const VirtualFunction& function) {
  Json nvme = nullptr;
  if (function.controller) {
    nvme = {{"controller", function.controller->controller},
            {"online", function.controller->online},
            {"queues", function.controller->queues},
            {"interrupts", function.controller->interrupts}};
  }
  return {{"index", function.index},
          {"bdf", function.device.address.ToString()},
          {"driver", OrNull(function.device.driver)},
          {"driver_override", OrNull(function.device.driver_override)},
          {"iommu_group", OrNull(function.device.iommu_group)},
          {"network", AttributesJson(function.attributes)},
          {"nvme", std::move(nvme)},
          {"msix_vectors", OrNull(function.msix_count)}};
}

std::string NameOf(const PhysicalFunction& pf) {
  std::string name = pf.device.address.ToString() + " " + pf.device.driver.value_or("no driver");
  const std::string& user = pf.interface.empty() ? pf.nvme : pf.interface;
  return user.empty() ? name : name + " " + user;
}

}  // namespace

std::string SriovText(const Context& context, const PhysicalFunction& pf) {
  std::string text = fmt::format("{}: {} of {} virtual functions", NameOf(pf), pf.count, pf.total);
  if (pf.autoprobe) text += *pf.autoprobe ? ", autoprobe on" : ", autoprobe off";
  if (pf.primary) {
    text += fmt::format(", {} flexible queues and {} interrupts", pf.primary->queues.total,
                        pf.primary->interrupts.total);
  }
  text += '\n';
  if (pf.functions.empty()) return text;
  Table table;
  for (const char* title :
       {"#", "ADDRESS", "DRIVER", "GROUP", "MAC", "VLAN", "TRUST", "SPOOF-CHECK", "MBIT/S", "LINK",
        "NVME", "QUEUES", "INTERRUPTS", "MSI-X"}) {
    table.columns.push_back({title});
  }
  for (const VirtualFunction& function : pf.functions) table.rows.push_back(Row(function));
  DropEmptyColumns(table);
  return text + Render(table, context.width, context.colour);
}

Json SriovJson(const PhysicalFunction& pf) {
  Json functions = Json::array();
  for (const VirtualFunction& function : pf.functions) functions.push_back(FunctionJson(function));
  Json nvme = nullptr;
  if (pf.primary) {
    nvme = {{"controller", pf.nvme},
            {"flexible_queues", pf.primary->queues.total},
            {"flexible_interrupts", pf.primary->interrupts.total},
            {"primary_queues", pf.primary->queues.primary},
            {"primary_interrupts", pf.primary->interrupts.primary}};
  }
  return {{"bdf", pf.device.address.ToString()},
          {"driver", OrNull(pf.device.driver)},
          {"interface", pf.interface.empty() ? Json(nullptr) : Json(pf.interface)},
          {"total", pf.total},
          {"num", pf.count},
          {"autoprobe", OrNull(pf.autoprobe)},
          {"msix_vectors_total", OrNull(pf.msix_total)},
          {"nvme", std::move(nvme)},
          {"vfs", std::move(functions)}};
}

void PrintSteps(Context& context, const PhysicalFunction& pf, const sriov::Steps& steps,
                const std::vector<std::string>& later) {
  if (context.json) {
    Json list = Json::array();
    for (const sriov::Step& step : steps)
      list.push_back({{"command", sriov::CommandOf(step)}, {"reason", sriov::ReasonOf(step)}});
    PrintJson(context.out, {{"schema", "vassign.sriov.steps/1"},
                            {"pf", pf.device.address.ToString()},
                            {"steps", std::move(list)},
                            {"then", later}});
    return;
  }
  if (steps.empty() && later.empty()) {
    context.out << fmt::format("{}: {} virtual functions: nothing to do\n", NameOf(pf), pf.count);
    return;
  }
  context.out << sriov::Format(steps);
  for (const std::string& line : later) context.out << "# then " << line << '\n';
}

std::string OutcomeLine(const sriov::Outcome& outcome) {
  const std::string name = NameOf(outcome.after);
  if (!outcome.changed)
    return fmt::format("{}: {} virtual functions: nothing to do", name, outcome.after.count);
  if (outcome.before.count == outcome.after.count)
    return fmt::format("{}: {} virtual functions changed", name, outcome.after.count);
  return fmt::format("{}: {} -> {} virtual functions", name, outcome.before.count,
                     outcome.after.count);
}

void PrintOutcome(Context& context, std::string_view schema, const sriov::Outcome& outcome) {
  if (context.json) {
    PrintJson(context.out, {{"schema", schema},
                            {"changed", outcome.changed},
                            {"num_before", outcome.before.count},
                            {"pf", SriovJson(outcome.after)},
                            {"notes", outcome.notes}});
    return;
  }
  context.out << OutcomeLine(outcome) << '\n';
  const std::string text = SriovText(context, outcome.after);
  context.out << text.substr(text.find('\n') + 1);
  for (const std::string& note : outcome.notes) context.err << "note: " << note << '\n';
}

}  // namespace cli
