#include "cli/config/resolve.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/config/known_place.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using base::Code;
using sysfs::Identity;

enum class Answer : uint8_t { kNo, kUnknown, kYes };

Answer And(Answer one, Answer other) { return std::min(one, other); }
Answer Is(bool holds) { return holds ? Answer::kYes : Answer::kNo; }

IdPair IdsOf(const Identity& identity) { return {identity.vendor, identity.device}; }
IdPair SubsystemOf(const Identity& identity) {
  return {identity.subsystem_vendor, identity.subsystem_device};
}

// Of two numbers, each may be the one that is meant.
Answer HasSerial(const Identity& identity, const std::string& serial) {
  if (identity.serial == serial || identity.dsn == serial) return Answer::kYes;
  return identity.serial ? Answer::kNo : Answer::kUnknown;
}

// All but serial numbers and MAC addresses.
bool MayMean(const Match& match, const HostDevice& device) {
  const Identity& identity = device.identity;
  return (!match.address || match.address == device.address) &&
         (!match.path || match.path == identity.path) &&
         (!match.id || match.id == IdsOf(identity)) &&
         (!match.subsystem || match.subsystem == SubsystemOf(identity));
}

Answer Means(const Match& match, const HostDevice& device) {
  Answer answer = Is(MayMean(match, device));
  if (match.serial) answer = And(answer, HasSerial(device.identity, *match.serial));
  if (match.mac) {
    answer =
        And(answer, device.identity.mac ? Is(device.identity.mac == match.mac) : Answer::kUnknown);
  }
  return answer;
}

// The device is where the pin says, and the pin is of a card that the entry means.
bool IsPinned(const Match& match, const HostDevice& device, const Identity& pin) {
  const HostDevice pinned = {device.address, false, pin};
  return device.identity.path == pin.path && IdsOf(device.identity) == IdsOf(pin) &&
         SubsystemOf(device.identity) == SubsystemOf(pin) && Means(match, pinned) == Answer::kYes;
}

// "serial S1 then, S2 now"; nothing when one of them is not known.
void Compare(std::vector<std::string>& differences, std::string_view what,
             const std::optional<std::string>& then, const std::optional<std::string>& now) {
  if (then && now && then != now)
    differences.push_back(fmt::format("{} {} then, {} now", what, *then, *now));
}

std::vector<std::string> Differences(const Identity& pin, const Identity& now) {
  std::vector<std::string> all;
  Compare(all, "id", Format(IdsOf(pin)), Format(IdsOf(now)));
  Compare(all, "subsystem", Format(SubsystemOf(pin)), Format(SubsystemOf(now)));
  Compare(all, "serial", pin.serial, now.serial);
  Compare(all, "serial number", pin.dsn, now.dsn);
  Compare(all, "MAC address", pin.mac, now.mac);
  return all;
}

// The card itself, wherever it is.
bool IsCard(const Identity& pin, const Identity& now) {
  const auto same = [](const auto& one, const auto& other) { return one && one == other; };
  return IdsOf(pin) == IdsOf(now) &&
         (same(pin.serial, now.serial) || same(pin.dsn, now.dsn) || same(pin.mac, now.mac));
}

std::string Describe(const HostDevice& device) {
  return fmt::format("{} ({}, {})", device.address.ToString(), device.identity.path,
                     Format(IdsOf(device.identity)));
}

// The pinned card, where it is to be seen in another place; null otherwise.
const HostDevice* FindElsewhere(const Identity& pin, const std::vector<HostDevice>& devices) {
  const auto found = std::find_if(devices.begin(), devices.end(), [&](const HostDevice& device) {
    return device.identity.path != pin.path && IsCard(pin, device.identity);
  });
  return found == devices.end() ? nullptr : &*found;
}

std::string WhereItWent(const Identity& pin, const std::vector<HostDevice>& devices) {
  const HostDevice* const now = FindElsewhere(pin, devices);
  return now == nullptr ? std::string() : "; that card is now at " + Describe(*now);
}

base::Failure NotThere(const Entry& entry, const std::optional<Identity>& pin,
                       const std::vector<HostDevice>& devices) {
  std::string text = fmt::format("{}: {}: no device of this host is that", entry.place, entry.name);
  std::string near;
  for (const HostDevice& device : devices) {
    const bool is_kin = (entry.match.id && entry.match.id == IdsOf(device.identity)) ||
                        (entry.match.path && entry.match.path == device.identity.path);
    if (is_kin && !device.is_virtual) near += (near.empty() ? "" : ", ") + Describe(device);
  }
  if (pin) text += WhereItWent(*pin, devices);
  const std::string hint = near.empty() ? std::string("optional = true lets it be absent")
                                        : "of its kind or in its place: " + near;
  return base::Fail(Code::kNotFound, text, hint);
}

base::Failure Ambiguous(const Entry& entry, const std::vector<const HostDevice*>& found) {
  std::string text = fmt::format("{}: {}: more than one device is that:", entry.place, entry.name);
  for (const HostDevice* device : found) text += " " + Describe(*device);
  return base::Fail(Code::kNotFound, text, "add a serial, a mac or a path to its match");
}

base::Result<Resolved> CheckPin(const Entry& entry, const HostDevice& device, const Identity& pin,
                                const std::vector<HostDevice>& devices) {
  auto differences = Differences(pin, device.identity);
  const bool has_moved = pin.path != device.identity.path;
  // What names the card itself may be anywhere.
  const bool is_named = entry.match.serial || entry.match.mac;
  if (has_moved && !(is_named && differences.empty()))
    differences.push_back(fmt::format("path {} then, {} now", pin.path, device.identity.path));
  if (differences.empty()) {
    Resolved resolved = {device, {}};
    if (has_moved)
      resolved.note = fmt::format("moved from {} to {}", pin.path, device.identity.path);
    return resolved;
  }
  return base::Fail(
      Code::kNotFound,
      fmt::format("{}: {}: {} is not the card that it was: {}{}", entry.place, entry.name,
                  device.address.ToString(), fmt::join(differences, ", "),
                  WhereItWent(pin, devices)),
      fmt::format("if the new card is to be used: vassign apply --repin {}", entry.name));
}

}  // namespace

base::Result<std::vector<HostDevice>> ReadHostDevices(const sysfs::Tree& tree, const Config& config,
                                                      const Pinned& pinned,
                                                      const sysfs::PermanentAddress& permanent) {
  std::vector<HostDevice> all;
  for (const sysfs::PciDevice& device : TRY(sysfs::ReadDevices(tree, sysfs::Detail::kUnlocked))) {
    if (device.is_bridge()) continue;
    HostDevice one = {device.address, device.physfn.has_value(), {}};
    one.identity =
        TRY(ReadPlacedIdentity(tree, device, sysfs::IdentityDetail::kPassive, permanent));
    const bool may_be = std::any_of(config.begin(), config.end(), [&](const Entry& entry) {
      const auto pin = pinned.find(entry.name);
      return MayMean(entry.match, one) ||
             (pin != pinned.end() && IdsOf(pin->second) == IdsOf(one.identity));
    });
    if (may_be)
      one.identity =
          TRY(ReadPlacedIdentity(tree, device, sysfs::IdentityDetail::kWhole, permanent));
    all.push_back(std::move(one));
  }
  return all;
}

base::Result<std::optional<Resolved>> Resolve(const Entry& entry, const Pinned& pinned,
                                              const std::vector<HostDevice>& devices,
                                              const std::set<std::string>& repin) {
  const auto pin = pinned.find(entry.name);
  const bool has_pin = pin != pinned.end() && !repin.contains(entry.name);
  std::vector<const HostDevice*> found;
  for (const HostDevice& device : devices) {
    if (Means(entry.match, device) == Answer::kYes) found.push_back(&device);
  }
  if (found.empty() && has_pin) {
    for (const HostDevice& device : devices) {
      if (Means(entry.match, device) == Answer::kUnknown &&
          IsPinned(entry.match, device, pin->second) &&
          FindElsewhere(pin->second, devices) == nullptr)
        found.push_back(&device);
    }
  }
  if (found.size() > 1) return Ambiguous(entry, found);
  if (found.empty()) {
    if (entry.optional) return std::optional<Resolved>();
    return NotThere(entry, has_pin ? std::optional(pin->second) : std::nullopt, devices);
  }
  if (found.front()->is_virtual) {
    return base::Fail(Code::kUsage,
                      fmt::format("{}: {}: {} is a virtual function", entry.place, entry.name,
                                  found.front()->address.ToString()),
                      "it comes and goes with its physical one: configure it there, in "
                      "[device.sriov]");
  }
  if (!has_pin) return std::optional<Resolved>(Resolved{*found.front(), {}});
  return std::optional<Resolved>(TRY(CheckPin(entry, *found.front(), pin->second, devices)));
}

bool Concerns(const Entry& entry, const Pinned& pinned, const HostDevice& device) {
  const auto pin = pinned.find(entry.name);
  if (pin != pinned.end() && pin->second.path == device.identity.path) return true;
  return entry.match.path && MayMean(entry.match, device);
}

Identity Combine(const Identity& now, const std::optional<Identity>& pin) {
  Identity all = now;
  if (!pin || !Differences(*pin, now).empty()) return all;
  if (!all.serial) all.serial = pin->serial;
  if (!all.dsn) all.dsn = pin->dsn;
  if (!all.mac) all.mac = pin->mac;
  return all;
}

}  // namespace cli
