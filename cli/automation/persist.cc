#include "cli/automation/persist.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "cli/automation/automation.h"
#include "cli/automation/files.h"
#include "cli/config/known_place.h"
#include "cli/config/pin.h"
#include "cli/config/resolve.h"
#include "cli/permanent_address.h"
#include "sysfs/base/text.h"
#include "sysfs/pci_device.h"

namespace cli {
namespace {

constexpr std::string_view kMark = "# Written by vassign bind --persist";
constexpr const char* kFolder = "/etc/vassign/conf.d";

std::string NameFor(const sysfs::Identity& identity) {
  std::string name = identity.path;
  for (char& c : name) {
    if (c == ':' || c == '/') c = '-';
  }
  return name;
}

base::Status CheckOurs(const sysfs::Tree& tree, const std::string& path) {
  if (!tree.Exists(path)) return {};
  const std::string text = TRY(tree.Read(path));
  if (text.starts_with(kMark)) return {};
  return base::Fail(base::Code::kUsage, path + " is not a file of vassign bind --persist",
                    "move it away, or change the entry in it by hand");
}

base::Status Refresh(Context& context) {
  const bool changed = TRY(RefreshRules(context));
  if (changed) TRY(ReloadDaemons());
  if (context.json) return {};
  if (changed) {
    context.out << "the rules are up to date; the initramfs is to be made anew\n";
  } else if (::access(kRulesPath, F_OK) != 0) {
    context.out << "vassign rules --install makes it happen at boot and on hot-plug\n";
  }
  return {};
}

}  // namespace

Entry EntryFor(const sysfs::Identity& identity, const std::string& driver) {
  Entry entry;
  entry.name = NameFor(identity);
  entry.match.path = identity.path;
  entry.match.id = IdPair{identity.vendor, identity.device};
  entry.match.subsystem = IdPair{identity.subsystem_vendor, identity.subsystem_device};
  entry.match.serial = identity.serial ? identity.serial : identity.dsn;
  entry.match.mac = identity.mac;
  entry.driver = driver;
  return entry;
}

std::string PersistPath(const Entry& entry) {
  return fmt::format("{}/50-{}.toml", kFolder, entry.name);
}

std::string PersistText(const Entry& entry) {
  return fmt::format("{}; vassign restore --persist removes it.\n{}", kMark, FormatEntry(entry));
}

PersistPlan DecidePersist(const Persisted& wanted, const std::optional<std::string>& present,
                          const std::optional<sysfs::Identity>& pin) {
  PersistPlan plan = {wanted.entry, Combine(wanted.identity, pin)};
  if (!present) return plan;
  const auto former = ParseConfig(*present, PersistPath(plan.entry));
  Match& match = plan.entry.match;
  if (former && former->size() == 1 && former->front().match.id == match.id) {
    if (!match.serial) match.serial = former->front().match.serial;
    if (!match.mac) match.mac = former->front().match.mac;
  }
  plan.changed = *present + "\n" != PersistText(plan.entry);
  return plan;
}

std::vector<PlannedFile> FilesOf(const Context& context, const std::vector<PersistPlan>& plans) {
  std::vector<PlannedFile> files;
  for (const PersistPlan& plan : plans) {
    if (plan.changed)
      files.push_back({PinsOf(context).Path(plan.entry.name), FormatPin(plan.pin), true});
    files.push_back({PersistPath(plan.entry), PersistText(plan.entry), plan.changed});
  }
  return files;
}

base::Result<std::vector<PersistPlan>> PlanPersist(const Context& context,
                                                   const sysfs::BindRequest& request, bool group) {
  const Pinned pins = TRY(PinsOf(context).Read());
  std::vector<PersistPlan> all;
  for (const sysfs::PciAddress& address : request.devices) {
    const auto device = TRY(sysfs::ReadDevice(*context.tree, address, sysfs::Detail::kBrief));
    if (context.tree->Exists(device.path() + "/physfn")) {
      return base::Fail(
          base::Code::kUsage,
          fmt::format("{}: a virtual function is not kept by itself", address.ToString()),
          "an entry of its physical function with a table [device.sriov] keeps it");
    }
    auto identity = TRY(ReadPlacedIdentity(*context.tree, device, sysfs::IdentityDetail::kWhole,
                                           PermanentAddressOf(context.device_number)));
    Persisted one = {{}, std::move(identity)};
    one.entry = EntryFor(one.identity, request.driver);
    one.entry.group = group;
    one.entry.force = request.force;
    const std::string path = PersistPath(one.entry);
    TRY(CheckOurs(*context.tree, path));
    const auto pin = pins.find(one.entry.name);
    all.push_back(DecidePersist(one, sysfs::ReadText(*context.tree, path),
                                pin == pins.end() ? std::nullopt : std::optional(pin->second)));
  }
  return all;
}

base::Status StorePersisted(Context& context, const std::vector<PersistPlan>& plans) {
  for (const PersistPlan& plan : plans) {
    const std::string path = PersistPath(plan.entry);
    if (!plan.changed) {
      if (!context.json) context.out << path << " is there already\n";
      continue;
    }
    TRY(PinsOf(context).Store(plan.entry.name, plan.pin));
    TRY(WriteWhole(path, PersistText(plan.entry), 0644));
    if (!context.json) context.out << "kept in " << path << '\n';
  }
  return Refresh(context);
}

base::Status ForgetPersisted(Context& context, const std::vector<sysfs::PciAddress>& devices) {
  std::vector<Entry> entries;
  for (const sysfs::PciAddress& address : devices) {
    sysfs::Identity identity;
    identity.path = sysfs::PciPath(*context.tree, address);
    entries.push_back(EntryFor(identity, ""));
    const std::string path = PersistPath(entries.back());
    const auto same = [&](const Entry& one) { return one.name == entries.back().name; };
    if (std::count_if(entries.begin(), entries.end(), same) > 1) {
      entries.pop_back();  // named twice
      continue;
    }
    if (!context.tree->Exists(path)) {
      return base::Fail(base::Code::kNotFound,
                        fmt::format("{}: there is no {}", address.ToString(), path),
                        "entries of other files are removed by hand");
    }
    TRY(CheckOurs(*context.tree, path));
  }
  for (const Entry& entry : entries) {
    const std::string path = PersistPath(entry);
    if (::unlink(path.c_str()) < 0) return base::FailErrno("remove " + path, errno);
    TRY(PinsOf(context).Remove(entry.name));
    if (!context.json) context.out << "removed " << path << '\n';
  }
  return Refresh(context);
}

}  // namespace cli
