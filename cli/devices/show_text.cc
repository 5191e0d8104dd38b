#include "cli/devices/show_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/devices/capability_names.h"
#include "cli/devices/use_marks.h"
#include "cli/devices/verdict.h"
#include "cli/page.h"
#include "cli/table.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

using sysfs::PciAddress;

constexpr const char* kUnknown = "unknown *";

bool IsUnknown(const DeviceFacts& facts, std::string_view name) {
  return std::any_of(facts.unknown.begin(), facts.unknown.end(),
                     [&](const UnknownFact& fact) { return fact.fact == name; });
}

std::string Joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string ClassText(const Context& context, uint32_t class_code) {
  const auto name = context.names.Class(class_code);
  const auto interface = context.names.Interface(class_code);
  return fmt::format("{:06x}{}{}", class_code, name ? " " + *name : "",
                     interface ? ", " + *interface : "");
}

std::string SubsystemText(const Context& context, const sysfs::PciDevice& device) {
  const auto name = context.names.Subsystem(device);
  return fmt::format("{:04x}:{:04x}{}", device.subsystem_vendor, device.subsystem_device,
                     name ? " " + *name : "");
}

void WriteIdentity(const Context& context, const DeviceFacts& facts, Page& page) {
  const auto& device = facts.device;
  page.Title(device.address.ToString() + "  " + Printable(context.names.Describe(device)));
  const HostView host(*context.tree, context.device_number);
  const DeviceVerdict verdict = JudgeInALine(context, host, device);
  page.Line("Verdict", verdict.text, verdict.ok ? Style::kGood : Style::kWarning);
  page.Line("Class", ClassText(context, device.class_code));
  page.Line("Numbers", fmt::format("{:04x}:{:04x}, revision {:02x}", device.vendor, device.device,
                                   device.revision));
  if (device.subsystem_vendor != 0) page.Line("Subsystem", SubsystemText(context, device));
  std::string place;
  for (const PciAddress& bridge : facts.bridges) place += bridge.ToString() + " > ";
  page.Line("Place", place + device.address.ToString());
  page.Line("Path", facts.identity.path);
  if (facts.identity.serial) page.Line("Serial", *facts.identity.serial);
  if (facts.identity.dsn) page.Line("Device serial", *facts.identity.dsn);
  if (facts.identity.mac) page.Line("MAC address", *facts.identity.mac);
  page.Line("NUMA node", device.numa_node ? std::to_string(*device.numa_node) : "none");
}

void WriteDriver(const Context& context, const DeviceFacts& facts, Page& page) {
  const auto& device = facts.device;
  page.Section("Driver");
  page.Line("Bound", device.driver.value_or("none"));
  page.Line("Override", device.busy ? kUnknown : device.driver_override.value_or("none"));
  if (facts.candidates) {
    page.Line("Candidates", facts.candidates->empty() ? "none" : Joined(*facts.candidates));
  } else {
    page.Line("Candidates", kUnknown);
  }
  page.Line("For VFIO", facts.vfio_driver.value_or("none in this kernel"));
  if (!facts.interfaces.empty()) page.Line("Interfaces", Joined(facts.interfaces));
  if (context.use_marks) {
    page.List("In use", Chains(context.use_marks(device)), "no", Style::kWarning);
  }
}

// Whether user space may own the group, and who stands in the way.
std::string ViabilityText(const DeviceFacts& facts) {
  std::vector<std::string> others;
  bool is_own = false;
  for (const GroupMember& member : facts.members) {
    if (!member.blocks) continue;
    if (member.address == facts.device.address) {
      is_own = true;
    } else {
      others.push_back(member.address.ToString() + " is bound to " + *member.driver);
    }
  }
  if (!others.empty()) return "no: " + Joined(others);
  return is_own ? "once this device leaves " + facts.device.driver.value_or("its driver") : "yes";
}

void WriteGroup(const Context& context, const DeviceFacts& facts, Page& page) {
  page.Section("IOMMU");
  if (!facts.group) {
    page.Line("Group", "none: the IOMMU is absent or off");
    return;
  }
  const std::string type = facts.group->type.empty() ? "" : " (" + facts.group->type + ")";
  page.Line("Group", std::to_string(facts.group->id) + type);
  std::vector<std::string> members;
  for (const GroupMember& member : facts.members)
    members.push_back(fmt::format(
        "{}  {:<12} {:<7} {}", member.address.ToString(), member.driver.value_or("no driver"),
        member.blocks ? "blocks" : "", context.names.DescribeClass(member.class_code)));
  page.List("Members", members, "none");
  page.Line("Viable", ViabilityText(facts));
  page.Line("Group node", facts.group_node.value_or("none"));
  page.Line("Device node", facts.device_node.value_or("none"));
  if (!facts.group_node && !facts.device_node) return;
  if (facts.owner) {
    page.Line("Owner", fmt::format("{} (pid {})", facts.owner->command, facts.owner->pid));
  } else {
    page.Line("Owner", IsUnknown(facts, "owner") ? kUnknown : "none");
  }
}

std::string BarText(const Bar& one) {
  std::string kind = one.bar.is_port() ? "I/O ports" : "memory";
  if (one.bar.is_memory() && one.bar.is_64_bit()) kind += ", 64-bit";
  if (one.bar.is_prefetchable()) kind += ", prefetchable";
  std::string text =
      fmt::format("{} at {:#x}, {}", base::FormatSize(one.bar.size), one.bar.start, kind);
  if (!one.resizable || one.resizable->empty()) return text;
  std::vector<std::string> sizes;
  for (const uint64_t size : *one.resizable) sizes.push_back(base::FormatSize(size));
  return text + ", resizable to " + Joined(sizes);
}

std::string VectorsText(const ConfigFacts& config) {
  std::vector<std::string> kinds;
  const auto count = [](unsigned n) { return fmt::format("{} vector{}", n, n == 1 ? "" : "s"); };
  if (config.msix_vectors) kinds.push_back("MSI-X with " + count(*config.msix_vectors));
  if (config.msi_vectors) kinds.push_back("MSI with " + count(*config.msi_vectors));
  return kinds.empty() ? "no messages" : Joined(kinds);
}

std::string CapabilitiesText(const ConfigFacts& config) {
  std::string text;
  for (const auto& one : config.capabilities) text += CapabilityName(one.id) + " ";
  for (const auto& one : config.extended) text += ExtendedCapabilityName(one.id) + " ";
  if (text.empty()) return "none";
  text.pop_back();
  return text;
}

std::string PowerText(const Power& power) {
  std::string text = power.state.value_or("unknown");
  if (power.runtime) text += ", " + *power.runtime;
  if (power.control) text += ", control " + *power.control;
  if (power.d3cold_allowed) text += *power.d3cold_allowed ? ", D3cold allowed" : ", D3cold off";
  return text;
}

void WriteHardware(const DeviceFacts& facts, Page& page) {
  page.Section("Hardware");
  for (const Bar& one : facts.bars) {
    constexpr unsigned kExpansionRom = 6;
    const bool is_rom = one.bar.index == kExpansionRom;
    page.Line(is_rom ? "ROM" : fmt::format("BAR {}", one.bar.index), BarText(one));
  }
  if (IsUnknown(facts, "link")) page.Line("Link", kUnknown);
  if (facts.link)
    page.Line("Link", fmt::format("{} x{}, at most {} x{}", facts.link->speed, facts.link->width,
                                  facts.link->max_speed, facts.link->max_width));
  const bool has_reset = facts.reset_methods && !facts.reset_methods->empty();
  page.Line("Reset", has_reset ? Joined(*facts.reset_methods) : "none");
  page.Line("Power", PowerText(facts.power));
  page.Line("Interrupts", facts.config ? VectorsText(*facts.config) : kUnknown);
  page.Line("Capabilities", facts.config ? CapabilitiesText(*facts.config) : kUnknown);
}

void WriteSriov(const DeviceFacts& facts, Page& page) {
  const auto& device = facts.device;
  if (!device.physfn && !device.sriov_totalvfs) return;
  page.Section("SR-IOV");
  if (device.physfn) {
    const std::string index = facts.vf_index ? std::to_string(*facts.vf_index) : "unknown";
    page.Line("Function",
              fmt::format("virtual, number {} of {}", index, device.physfn->ToString()));
    return;
  }
  const std::string count = device.sriov_numvfs ? std::to_string(*device.sriov_numvfs)
                                                : (device.busy ? kUnknown : "unknown");
  page.Line("Function", "physical");
  page.Line("Enabled", fmt::format("{} of {}", count, *device.sriov_totalvfs));
  if (facts.sriov_autoprobe)
    page.Line("Autoprobe", *facts.sriov_autoprobe ? "host drivers take new ones" : "off");
  std::vector<std::string> functions;
  for (const PciAddress& function : device.virtfns) functions.push_back(function.ToString());
  if (!functions.empty()) page.Line("Virtual", Joined(functions));
}

}  // namespace

std::string ShowText(const Context& context, const DeviceFacts& facts) {
  Page page(context.colour);
  WriteIdentity(context, facts, page);
  WriteDriver(context, facts, page);
  WriteGroup(context, facts, page);
  WriteHardware(facts, page);
  WriteSriov(facts, page);
  if (!facts.unknown.empty()) page.Plain("");
  for (const UnknownFact& fact : facts.unknown) page.Plain("* " + fact.label + ": " + fact.reason);
  return page.Take();
}

}  // namespace cli
