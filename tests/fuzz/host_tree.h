// A whole host, made or spoiled: listing, explaining and planning over it. What must hold:
//   text for a terminal has no control bytes; a device that is in use is in no plan that takes it
//   from its driver; what `explain` finds nothing against, `bind` plans; a plan writes to the PCI
//   bus alone; performed on a host that behaves, it is done whole and its undo restores, or all is
//   as before; done a second time it is empty.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "cli/devices/device_json.h"
#include "cli/devices/list_table.h"
#include "cli/diagnosis/finding_output.h"
#include "sysfs/assignment/driver_plan.h"
#include "sysfs/assignment/group.h"
#include "sysfs/diagnosis/device.h"
#include "sysfs/identity.h"
#include "tests/fuzz/made_host.h"

namespace test::host_tree {

// Drivers, overrides and power control of all devices.
using State =
    std::vector<std::tuple<std::optional<std::string>, std::optional<std::string>, std::string>>;

inline State StateOf(const FakeTree& tree, const MadeHost& host) {
  State state;
  for (const sysfs::PciAddress& address : host.devices) {
    const std::string bdf = address.ToString();
    state.emplace_back(tree.DriverOf(bdf), tree.OverrideOf(bdf), tree.PowerOf(bdf));
  }
  return state;
}

inline bool IsPlain(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return (value < 0x20 && byte != '\n') || value == 0x7f;
  });
}

inline void CheckWrite(const sysfs::Write& write) {
  Check(write.path.starts_with("/sys/bus/pci/"), "a plan writes to the PCI bus alone");
  Check(write.path.find("/../") == std::string::npos, "a plan stays where it is");
}

inline void CheckWrites(const sysfs::AssignmentPlan& plan) {
  for (const sysfs::Change& change : plan.changes) {
    CheckWrite(change.write);
    for (const sysfs::Write& undo : change.undo) CheckWrite(undo);
  }
}

// Every reading command's work: all columns, everything as JSON.
inline void List(const FakeTree& tree, const MadeHost& host) {
  static std::ostringstream nowhere;
  static cli::Context context(nullptr, nowhere, nowhere);
  static const cli::Columns columns = *cli::ParseColumns(
      "bdf,class,name,driver,group,in-use,ids,code,override,numa,vfs,pf", context);
  FakeTree copy = tree;
  const sysfs::EvidenceSources sources = host.On(copy).sources;
  sysfs::EvidenceFinder finder(tree, sources);
  context.tree = std::make_unique<FakeTree>(tree);
  context.use_marks = [&](const sysfs::PciDevice& device) { return finder.Find(device); };
  const auto devices = sysfs::ReadDevices(tree).value_or(std::vector<sysfs::PciDevice>());
  Check(IsPlain(cli::Render(cli::ListTable(context, columns, devices), 80, false)),
        "a list has no control bytes");
  std::ostringstream json;
  cli::PrintJson(json, cli::ListJson(context, devices));
  context.use_marks = nullptr;
}

struct Verdict {
  bool blocked = false;
  bool in_use = false;
};

inline Verdict Explain(const FakeTree& tree, const sysfs::PciDevice& device,
                       const std::vector<sysfs::Evidence>& evidence) {
  const auto facts =
      sysfs::ReadDiagnosis(tree, device, sysfs::ReadHostFacts(tree, sysfs::RecordedSources(tree)),
                           [&](const sysfs::PciDevice&) { return evidence; });
  auto findings = sysfs::JudgeDevice(facts);
  sysfs::SortByGrade(findings);
  static std::ostringstream nowhere;
  static const cli::Context context(nullptr, nowhere, nowhere);
  Check(IsPlain(cli::FindingsText(context, findings)), "an explanation has no control bytes");
  Verdict verdict;
  for (const sysfs::Finding& finding : findings) {
    const bool blocks = finding.grade == sysfs::Grade::kBlocker;
    verdict.blocked = verdict.blocked || blocks;
    verdict.in_use = verdict.in_use || (blocks && finding.check == "in-use");
  }
  return verdict;
}

inline bool Refuses(const std::vector<sysfs::Evidence>& evidence) {
  return std::any_of(evidence.begin(), evidence.end(),
                     [](const sysfs::Evidence& piece) { return piece.refuses; });
}

// What holds on any host, however its files read.
inline void CheckBinding(const sysfs::AssignmentHost& host, const FakeTree& tree,
                         const sysfs::PciDevice& device) {
  const auto evidence = sysfs::FindEvidence(tree, device, host.sources);
  const Verdict verdict = Explain(tree, device, evidence);
  const auto plan = sysfs::PlanBinding(host, {{device.address}});
  Check(plan || verdict.blocked, "what nothing blocks can be bound");
  if (!plan) return;
  CheckWrites(*plan);
  const bool leaves = device.driver && device.driver != plan->driver;
  Check(!leaves || !Refuses(evidence), "a device in use stays where it is");
  Check(!leaves || device.is_bridge() || !verdict.in_use, "explain and bind agree on the use");
}

// Performs the plan with the write of the given number failing (0: none).
inline bool Perform(FakeTree& tree, const sysfs::AssignmentHost& host,
                    const sysfs::ChangeSet& changes, size_t failing) {
  if (failing > 0) tree.FailWrite(failing, EIO);
  const bool done = sysfs::Apply(tree, changes, host.apply).has_value();
  Check(!done || failing == 0, "a failed write is told");
  return done;
}

// Back by the record, as `vassign restore` does.
inline void CheckGivingBack(const MadeHost& made, const FakeTree& before, FakeTree& after,
                            const std::vector<sysfs::PciDevice>& devices) {
  FakeTree original = before;
  const sysfs::AssignmentHost host = made.On(original);
  std::vector<sysfs::RestoreItem> items;
  for (const sysfs::PciDevice& device : devices) {
    const auto now = sysfs::ReadDevice(after, device.address);
    Check(now.has_value(), "a bound device is still there");
    items.push_back({*now, sysfs::RecordOf(host, device).value(),
                     sysfs::ReadPowerControl(after, device.address).value()});
  }
  const auto back = sysfs::Apply(after, sysfs::PlanRestore(items), host.apply);
  Check(back.has_value(), "what was bound can be given back");
  Check(StateOf(after, made) == StateOf(before, made), "giving back restores");
}

// On a host that behaves.
inline void CheckPerforming(const MadeHost& made, const sysfs::AssignmentPlan& plan,
                            size_t failing) {
  if (plan.module) return;
  FakeTree tree = made.tree;
  const sysfs::AssignmentHost host = made.On(tree);
  const State before = StateOf(tree, made);
  if (!Perform(tree, host, plan.changes, failing % (plan.changes.size() + 1))) {
    Check(StateOf(tree, made) == before, "what failed is undone");
    return;
  }
  for (const sysfs::PciDevice& device : plan.devices) {
    Check(tree.DriverOf(device.address.ToString()) == plan.driver, "the driver has it");
    const sysfs::BindRequest again = {{device.address}, plan.driver};
    if (const auto second = sysfs::PlanBinding(host, again))
      Check(second->empty(), "a second bind writes nothing");
  }
  CheckGivingBack(made, made.tree, tree, plan.devices);
}

template <class Input>
void CheckMade(const MadeHost& made, const sysfs::PciAddress& address, Input& input) {
  FakeTree tree = made.tree;
  const sysfs::AssignmentHost host = made.On(tree);
  const auto device = sysfs::ReadDevice(tree, address);
  Check(device.has_value(), "a made device can be read");
  const std::string driver = input.ConsumeBool() ? "vfio-pci" : "pci-stub";
  const auto failing = input.template ConsumeIntegralInRange<size_t>(0, 4);
  const auto plan = sysfs::PlanBinding(host, {{address}, driver});
  const bool leaves = device->driver && device->driver != driver;
  Check(!plan || !leaves || !made.used.contains(address), "a device in use is refused");
  Check(!plan || !made.held.contains(address), "a device that a process has is refused");
  if (plan) CheckPerforming(made, *plan, failing);
  if (const auto plans = sysfs::PlanGroupBinding(host, {{address}, driver})) {
    for (const sysfs::AssignmentPlan& one : *plans) {
      for (const sysfs::PciDevice& member : one.devices) {
        Check(!member.driver || member.driver == one.driver || !made.used.contains(member.address),
              "a group's member in use is refused");
      }
    }
    if (plans->size() == 1) CheckPerforming(made, plans->front(), failing);
  }
  if (const auto back = sysfs::PlanRestoring(host, address)) {
    CheckWrites(*back);
    Check(!made.held.contains(address) || back->empty(), "what a process has is not taken from it");
    if (!Perform(tree, host, back->changes, failing % (back->changes.size() + 1)))
      Check(StateOf(tree, made) == StateOf(made.tree, made), "a failed restore is undone");
  }
}

// Whatever the files say.
inline void CheckAny(const MadeHost& made) {
  FakeTree tree = made.tree;
  const sysfs::AssignmentHost host = made.On(tree);
  List(tree, made);
  for (const sysfs::PciAddress& address : made.devices) {
    if (const auto device = sysfs::ReadDevice(tree, address)) {
      const auto path = sysfs::ReadIdentity(tree, *device).path;
      Check(sysfs::ParsePciPath(path).has_value(), "a device's path is one");
      CheckBinding(host, tree, *device);
    }
    if (const auto plan = sysfs::PlanRestoring(host, address)) CheckWrites(*plan);
    if (const auto plans = sysfs::PlanGroupBinding(host, {{address}}))
      for (const sysfs::AssignmentPlan& plan : *plans) CheckWrites(plan);
  }
  Check(tree.writes().empty(), "reading and planning write nothing");
}

constexpr std::array kNames = {"vendor",        "device",         "class",
                               "uevent",        "modalias",       "driver_override",
                               "sriov_numvfs",  "sriov_totalvfs", "resource",
                               "config",        "physfn",         "driver",
                               "iommu_group",   "numa_node",      "virtfn0",
                               "nvme/nvme0",    "net/e0/address", "sriov_drivers_autoprobe",
                               "power/control", "power_state",    "reset_method",
                               "revision",      "boot_vga",       "subsystem_vendor"};
constexpr std::array kPlaces = {"/proc/self/mountinfo",
                                "/proc/swaps",
                                "/proc/cmdline",
                                "/proc/70/fd/3",
                                "/proc/70/comm",
                                "/proc/consoles",
                                "/sys/class/block/nvme0n1",
                                "/sys/class/net/e0",
                                "/sys/class/iommu/dmar0",
                                "/sys/kernel/iommu_groups/1/type",
                                "/sys/kernel/iommu_groups/1/devices/0000:08:00.0",
                                "/sys/kernel/iommu_groups/1/reserved_regions",
                                "/sys/module/vfio_pci_core/holders/nvme",
                                "/sys/dev/char/510:0",
                                "/run/libvirt/qemu/web.xml",
                                "/run/qemu-server/pci-id-reservations"};

template <class Input>
std::string TakePath(const MadeHost& made, Input& input) {
  if (input.template ConsumeIntegralInRange<int>(0, 3) == 0)
    return kPlaces[input.template ConsumeIntegralInRange<size_t>(0, kPlaces.size() - 1)];
  const auto device = input.template ConsumeIntegralInRange<size_t>(0, made.devices.size() - 1);
  const auto name = input.template ConsumeIntegralInRange<size_t>(0, kNames.size() - 1);
  return "/sys/bus/pci/devices/" + made.devices[device].ToString() + "/" + kNames[name];
}

template <class Input>
std::string TakeText(Input& input) {
  std::string text;
  for (const std::byte byte : TakeBytes(input, 60)) text += static_cast<char>(byte);
  return text;
}

template <class Input>
void Spoil(MadeHost& made, Input& input) {
  const std::string path = TakePath(made, input);
  switch (input.template ConsumeIntegralInRange<int>(0, 4)) {
    case 0:
      made.tree.Remove(path);
      break;
    case 1:
      made.tree.AddLink(path, TakePath(made, input));
      break;
    case 2:
      made.tree.AddLink(path, TakeText(input));
      break;
    default:
      made.tree.AddFile(path, TakeText(input));
  }
}

template <class Input>
void Play(Input& input) {
  const bool behaves = input.ConsumeBool();
  MadeHost made = HostMaker<Input>(input).Make();
  if (behaves) {
    for (const sysfs::PciAddress& address : made.devices) CheckMade(made, address, input);
  } else {
    const auto spoiled = input.template ConsumeIntegralInRange<int>(0, 12);
    for (int i = 0; i < spoiled; ++i) Spoil(made, input);
  }
  CheckAny(made);
}

}  // namespace test::host_tree
