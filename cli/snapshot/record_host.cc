#include "cli/snapshot/record_host.h"

#include "cli/config/config.h"
#include "cli/devices/device_facts.h"
#include "cli/devices/host_view.h"
#include "cli/snapshot/recording_tree.h"
#include "sriov/functions.h"
#include "sysfs/base/text.h"
#include "sysfs/diagnosis/device.h"
#include "sysfs/diagnosis/host.h"
#include "sysfs/diagnosis/kernel_log.h"
#include "sysfs/drivers.h"
#include "sysfs/evidence/mounts.h"
#include "sysfs/evidence/recorded.h"
#include "sysfs/guarded.h"
#include "sysfs/modules.h"

namespace cli {
namespace {

using sysfs::PciDevice;

// Which modules know the devices, as the kernel's index says.
void RecordModules(const std::vector<PciDevice>& devices, RecordingTree& tree) {
  const std::string release =
      sysfs::ReadText(tree, "/proc/sys/kernel/osrelease").value_or("unknown");
  std::string text;
  for (const PciDevice& device : devices) {
    const auto modules = sysfs::AliasesToModules(device.modalias, "/lib/modules/" + release);
    if (!modules) return;  // there is no index
    text += device.modalias;
    for (const std::string& module : *modules) text += " " + module;
    text += "\n";
  }
  tree.Put(sysfs::RecordedModulesFile(release), std::move(text));
}

// The records of what was there before; no session, which is a process.
void RecordJournal(const sysfs::Tree& tree) {
  const std::string folder = "/run/vassign/journal";
  for (const std::string& name : tree.List(folder).value_or(std::vector<std::string>()))
    static_cast<void>(tree.Read(folder + "/" + name));
  static_cast<void>(tree.Read("/proc/sys/kernel/random/boot_id"));
}

// What needs devices and is in no file of the host's: addresses, routes, and the disks that are
// mounted in other mount namespaces.
void RecordUse(const sysfs::Tree& tree, const sysfs::EvidenceSources& sources,
               RecordingTree& recorder) {
  if (!sources.addresses || !sources.routes) return;
  const auto addresses = sources.addresses();
  const auto routes = sources.routes();
  // A recording that tells the use of its host tells all of it.
  if (!addresses || !routes) return;
  recorder.Put(sysfs::kRecordedAddresses, sysfs::FormatAddresses(*addresses));
  recorder.Put(sysfs::kRecordedRoutes, sysfs::FormatRoutes(*routes));
  auto tables = sysfs::ReadOtherMounts(tree);
  for (sysfs::OtherMounts& table : tables)
    table.text = WhatCounts("/proc/self/mountinfo", std::move(table.text));
  recorder.Put(sysfs::kRecordedMounts, sysfs::FormatOtherMounts(tables));
}

// What no file tells: the own address of an interface whose address was set once.
void RecordAddresses(const std::vector<PciDevice>& devices, RecordingTree& tree,
                     const sysfs::PermanentAddress& permanent) {
  if (!permanent) return;
  for (const PciDevice& device : devices) {
    const auto interfaces = tree.List(device.path() + "/net");
    if (!interfaces || interfaces->empty()) continue;
    const std::string path = device.path() + "/net/" + interfaces->front();
    if (sysfs::ReadDecimal(tree, path + "/addr_assign_type") == uint64_t{0}) continue;
    if (const auto address = permanent(interfaces->front()))
      tree.Put(path + sysfs::kRecordedAddress, *address + "\n");
  }
}

// What `plan` asks beside the devices.
void RecordDeclared(const sysfs::Tree& tree) {
  // A file that is wrong is kept: plan on the recorded host says so.
  static_cast<void>(ReadConfig(tree));
  const std::string folder = "/var/lib/vassign/pins";
  for (const std::string& name : tree.List(folder).value_or(std::vector<std::string>()))
    static_cast<void>(tree.Read(folder + "/" + name));
}

// What `show`, `list --json` and `explain` ask of one device.
void RecordDevice(const sysfs::Tree& tree, const PciDevice& device, const sysfs::HostFacts& host,
                  HostView& view) {
  // As of a recorded host: the locked attributes are there.
  static_cast<void>(ReadFacts(tree, device.address, {"/", {}}));
  static_cast<void>(sysfs::ReadDiagnosis(tree, device, host, {}));
  if (device.iommu_group) view.GroupOf(*device.iommu_group);
  static_cast<void>(view.Autoprobe(device));
  static_cast<void>(view.VfIndex(device));
  static_cast<void>(view.VfioDriver(device));
  static_cast<void>(sysfs::ReadText(tree, device.path() + "/class"));
}

}  // namespace

base::Result<RecordedHost> RecordHost(const sysfs::Tree& tree,
                                      const std::optional<std::string>& kernel_log,
                                      const sysfs::PermanentAddress& permanent,
                                      const sysfs::EvidenceSources& sources) {
  RecordedHost host;
  RecordingTree recorder(tree);
  auto devices = TRY(sysfs::ReadDevices(recorder, sysfs::Detail::kUnlocked));
  sysfs::ReadGuarded(tree, devices);
  for (const PciDevice& device : devices) {
    recorder.TellLocked(device);
    if (device.busy) ++host.busy;
  }
  if (kernel_log) recorder.Put(sysfs::kRecordedLog, sysfs::KnownLines(*kernel_log));
  RecordModules(devices, recorder);
  RecordAddresses(devices, recorder, permanent);
  const sysfs::HostFacts facts = sysfs::ReadHostFacts(recorder, sysfs::RecordedSources(recorder));
  HostView view(recorder, {});
  RecordUse(tree, sources, recorder);
  // What needs a device, as far as files tell.
  sysfs::EvidenceFinder finder(recorder, sysfs::RecordedEvidence(recorder));
  for (const PciDevice& device : devices) {
    RecordDevice(recorder, device, facts, view);
    if (!device.is_bridge()) finder.Find(device);
  }
  for (const sysfs::PciAddress& pf : TRY(sriov::ListPhysicalFunctions(recorder)))
    static_cast<void>(sriov::ReadFunctions(recorder, pf, {}));
  RecordJournal(recorder);
  RecordDeclared(recorder);
  host.recording = recorder.recording();
  host.devices = devices.size();
  host.denied = recorder.denied();
  return host;
}

}  // namespace cli
