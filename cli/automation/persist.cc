#include "cli/automation/persist.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "cli/automation/automation.h"
#include "cli/automation/files.h"
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

base::Result<std::vector<Persisted>> PlanPersist(const Context& context,
                                                 const sysfs::BindRequest& request, bool group) {
  std::vector<Persisted> all;
  for (const sysfs::PciAddress& address : request.devices) {
    const auto device = TRY(sysfs::ReadDevice(*context.tree, address, sysfs::Detail::kBrief));
    if (context.tree->Exists(device.path() + "/physfn")) {
      return base::Fail(
          base::Code::kUsage,
          fmt::format("{}: a virtual function is not kept by itself", address.ToString()),
          "an entry of its physical function with a table [device.sriov] keeps it");
    }
    Persisted one = {{},
                     sysfs::ReadIdentity(*context.tree, device, sysfs::IdentityDetail::kWhole,
                                         PermanentAddressOf(context.device_number))};
    one.entry = EntryFor(one.identity, request.driver);
    one.entry.group = group;
    one.entry.force = request.force;
    TRY(CheckOurs(*context.tree, PersistPath(one.entry)));
    all.push_back(std::move(one));
  }
  return all;
}

base::Status StorePersisted(Context& context, const std::vector<Persisted>& all) {
  for (const Persisted& one : all) {
    const std::string path = PersistPath(one.entry);
    const auto present = context.tree->Read(path);
    const auto former = present ? ParseConfig(*present, path) : Config();
    Entry entry = one.entry;
    // A second bind knows less than the first: what VFIO has tells no serial number.
    if (former && former->size() == 1 && former->front().match.id == entry.match.id) {
      if (!entry.match.serial) entry.match.serial = former->front().match.serial;
      if (!entry.match.mac) entry.match.mac = former->front().match.mac;
    }
    const std::string text = PersistText(entry);
    if (present && *present + "\n" == text) {
      if (!context.json) context.out << path << " is there already\n";
      continue;
    }
    const auto pins = TRY(PinsOf(context).Read());
    const auto pin = pins.find(entry.name);
    const auto known = pin == pins.end() ? std::nullopt : std::optional(pin->second);
    TRY(PinsOf(context).Store(entry.name, Combine(one.identity, known)));
    TRY(WriteWhole(path, text, 0644));
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
