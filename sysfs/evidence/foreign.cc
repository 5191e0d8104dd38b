// Other tools that manage the device.
#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "sysfs/evidence/libvirt.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

// driverctl(8) keeps a file for each device that it overrides at boot.
void FindDriverctl(const Search& search, std::vector<Evidence>& found) {
  const std::string address = search.device.address.ToString();
  const std::string folder = "/etc/driverctl.d";
  const std::string path = folder + "/pci-" + address;
  if (!search.places.IsListed(folder, "pci-" + address)) return;
  found.push_back({UseKind::kForeign,
                   {address, "driverctl"},
                   "driverctl manages it (" + path + ")",
                   ForceReason::kForeign,
                   "driverctl unset-override " + address});
}

// Names of the domains in a folder that take the device: "web" of web.xml.
std::vector<std::string> DomainsOf(const Search& search, const std::string& folder) {
  constexpr std::string_view kEnd = ".xml";
  std::vector<std::string> domains;
  for (const std::string& file : search.places.NamesIn(folder)) {
    if (!file.ends_with(kEnd)) continue;
    const auto text = ReadText(search.tree, folder + "/" + file);
    if (text && NamesHostDevice(*text, search.device.address))
      domains.push_back(file.substr(0, file.size() - kEnd.size()));
  }
  return domains;
}

// A running domain has its state below /run; one that is only defined may never be started.
void FindLibvirt(const Search& search, std::vector<Evidence>& found) {
  const std::string address = search.device.address.ToString();
  const auto running = DomainsOf(search, "/run/libvirt/qemu");
  for (const std::string& domain : running) {
    found.push_back({UseKind::kForeign,
                     {address, "libvirt", "running domain " + domain},
                     fmt::format("libvirt's running domain {} has it", domain),
                     ForceReason::kForeign,
                     "virsh shutdown " + ShellWord(domain)});
  }
  for (const std::string& domain : DomainsOf(search, "/etc/libvirt/qemu")) {
    if (std::find(running.begin(), running.end(), domain) != running.end()) continue;
    found.push_back({UseKind::kForeign,
                     {address, "libvirt", "domain " + domain},
                     fmt::format("libvirt's domain {} takes it when it starts", domain),
                     ForceReason::kForeign,
                     "virsh edit " + ShellWord(domain) + " and take the host device out",
                     false});
  }
}

// Proxmox VE reserves a device for a guest that starts, until a time or as long as a process lives:
// "0000:08:00.0 100 pid:4711" in a line.
void FindProxmox(const Search& search, std::vector<Evidence>& found) {
  const std::string address = search.device.address.ToString();
  const std::string folder = "/run/qemu-server";
  const std::string file = "pci-id-reservations";
  if (!search.places.IsListed(folder, file)) return;
  const std::string text = ReadText(search.tree, folder + "/" + file).value_or(std::string());
  for (const std::string_view line : base::Split(text, '\n')) {
    const auto words = base::Split(base::Trim(line), ' ');
    if (words.size() != 3 || words[0] != address) continue;
    constexpr std::string_view kPid = "pid:";
    const bool lives = words[2].starts_with(kPid) &&
                       search.tree.Exists(fmt::format("/proc/{}", words[2].substr(kPid.size())));
    found.push_back({UseKind::kForeign,
                     {address, "Proxmox VE", fmt::format("guest {}", words[1])},
                     fmt::format("Proxmox VE {} it for guest {}",
                                 lives ? "has reserved" : "once reserved", words[1]),
                     ForceReason::kForeign,
                     fmt::format("qm shutdown {}", words[1]),
                     lives});
  }
}

}  // namespace

Findings FindForeignUse(const Search& search) {
  Findings found;
  FindDriverctl(search, found.evidence);
  FindLibvirt(search, found.evidence);
  FindProxmox(search, found.evidence);
  return found;
}

}  // namespace sysfs
