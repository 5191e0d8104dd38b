#include "sysfs/assignment/driver_plan.h"

#include <fmt/format.h>

#include <cerrno>

namespace sysfs {
namespace {

using DriverName = std::optional<std::string>;

// Where one device is and where it shall be.
struct Move {
  std::string address;
  DriverName driver;
  DriverName driver_override;
  DriverName to_driver;
  DriverName to_override;
  std::optional<std::string> power = {};     // as it is
  std::optional<std::string> to_power = {};  // as it shall be; nothing: as the drivers leave it
};

std::string DevicePath(const Move& move) { return "/sys/bus/pci/devices/" + move.address; }

// Named by driver, not by the device's link: a driver that came meanwhile is not taken away.
Write Unbind(const Move& move, const std::string& driver) {
  return {"/sys/bus/pci/drivers/" + driver + "/unbind", move.address, {ENODEV}};
}

Write Bind(const Move& move, const std::string& driver) {
  return {"/sys/bus/pci/drivers/" + driver + "/bind", move.address, {}, /*retry_busy=*/true};
}

Write Override(const Move& move, const DriverName& name) {
  return {DevicePath(move) + "/driver_override", name.value_or("\n")};
}

Write Power(const Move& move, const std::string& word) {
  return {DevicePath(move) + "/power/control", word};
}

bool KeepsDriver(const Move& move) { return move.driver == move.to_driver; }

// While it binds, the device needs an override that lets the wanted driver in.
DriverName OverrideForBind(const Move& move) {
  return move.to_driver && !KeepsDriver(move) ? move.to_driver : move.to_override;
}

std::string OverrideReason(const Move& move, const DriverName& name) {
  return name ? fmt::format("let only {} bind to {}", *name, move.address)
              : fmt::format("let any fitting driver bind to {}", move.address);
}

void AddOverride(const Move& move, const DriverName& from, const DriverName& to,
                 ChangeSet& changes) {
  if (from == to) return;
  changes.push_back({Override(move, to), OverrideReason(move, to), {Override(move, from)}});
}

void AddUnbind(const Move& move, ChangeSet& changes) {
  if (!move.driver || KeepsDriver(move)) return;
  Change change = {Unbind(move, *move.driver),
                   fmt::format("take {} from {}", move.address, *move.driver)};
  // An override that names the former driver lets it come back in any case, also to a virtual
  // function that is not probed by itself.
  change.undo = {Override(move, move.driver), Bind(move, *move.driver),
                 Override(move, move.driver_override)};
  if (move.power) change.undo.push_back(Power(move, *move.power));
  change.expect = LinkCheck{DevicePath(move) + "/driver", std::nullopt};
  changes.push_back(std::move(change));
}

void AddBind(const Move& move, ChangeSet& changes) {
  if (!move.to_driver || KeepsDriver(move)) return;
  Change change = {Bind(move, *move.to_driver),
                   fmt::format("give {} to {}", move.address, *move.to_driver),
                   {Unbind(move, *move.to_driver)},
                   LinkCheck{DevicePath(move) + "/driver", *move.to_driver}};
  if (move.power) change.undo.push_back(Power(move, *move.power));
  changes.push_back(std::move(change));
}

// What it says now is of no use when a driver comes or goes: both may change it.
void AddPower(const Move& move, ChangeSet& changes) {
  if (!move.to_power || (KeepsDriver(move) && move.power == move.to_power)) return;
  const std::string reason = *move.to_power == "auto"
                                 ? fmt::format("let {} sleep when it is idle", move.address)
                                 : fmt::format("keep {} awake", move.address);
  Change change = {Power(move, *move.to_power), reason};
  if (KeepsDriver(move) && move.power) change.undo = {Power(move, *move.power)};
  changes.push_back(std::move(change));
}

ChangeSet PlanMoves(const std::vector<Move>& moves) {
  ChangeSet changes;
  for (const Move& move : moves) {
    AddOverride(move, move.driver_override, OverrideForBind(move), changes);
  }
  for (const Move& move : moves) AddUnbind(move, changes);
  for (const Move& move : moves) AddBind(move, changes);
  for (const Move& move : moves) {
    AddOverride(move, OverrideForBind(move), move.to_override, changes);
  }
  for (const Move& move : moves) AddPower(move, changes);
  return changes;
}

}  // namespace

bool IsOthersWork(const PciDevice& device, std::string_view driver) {
  return device.driver_override == driver && (!device.driver || device.driver == driver);
}

ChangeSet PlanBind(std::span<const PciDevice> devices, std::string_view driver,
                   const PowerControl& power) {
  const std::string name(driver);
  std::vector<Move> moves;
  for (const PciDevice& device : devices) {
    moves.push_back({device.address.ToString(), device.driver, device.driver_override, name, name});
    if (const auto now = power.find(device.address); now != power.end())
      moves.back().power = now->second;
  }
  return PlanMoves(moves);
}

ChangeSet PlanRestore(std::span<const RestoreItem> items) {
  std::vector<Move> moves;
  for (const RestoreItem& item : items) {
    moves.push_back({item.device.address.ToString(), item.device.driver,
                     item.device.driver_override, item.record.driver, item.record.driver_override,
                     item.power_control, item.record.power_control});
  }
  return PlanMoves(moves);
}

ChangeSet PlanRelease(const PciDevice& device, bool releases,
                      const std::optional<std::string>& power) {
  const DriverName driver = releases ? device.driver : std::nullopt;
  // A run that was killed on this way leaves a device that nothing tells from one without a driver.
  if (device.driver && !driver && !device.driver_override) return {};
  Move move = {device.address.ToString(), driver, device.driver_override, {}, {}};
  move.power = power;
  ChangeSet changes = PlanMoves({move});
  if (releases || !device.driver) {
    changes.push_back({{"/sys/bus/pci/drivers_probe", move.address},
                       fmt::format("let the kernel find a driver for {}", move.address)});
  }
  return changes;
}

ChangeSet PlanUnbind(const PciDevice& device) {
  return PlanMoves({{device.address.ToString(), device.driver, device.driver_override, std::nullopt,
                     device.driver_override}});
}

std::optional<BindExplanation> ExplainBind(int err, std::string_view driver) {
  switch (err) {
    case EINVAL:
      return BindExplanation{
          fmt::format("{} refuses this function: it has no IOMMU group or is a bridge", driver),
          "dmesg | tail shows the driver's own words"};
    case EBUSY:
      return BindExplanation{
          fmt::format("{} found the device busy: virtual functions are enabled on it, or its "
                      "resources are held by somebody else",
                      driver),
          "switch its virtual functions off (sriov_numvfs) and look at dmesg | tail"};
    case ENODEV:
      return BindExplanation{
          fmt::format("{} does not know this device, or its override keeps {} out", driver, driver),
          "vassign show tells the device's override"};
    case ENOENT:
      return BindExplanation{fmt::format("the kernel has no PCI driver {}", driver),
                             fmt::format("modprobe {}", driver)};
    default:
      return std::nullopt;
  }
}

}  // namespace sysfs
