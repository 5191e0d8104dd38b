#include "sysfs/assignment/viability.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr uint32_t kBridgeClass = 0x06;

bool HasWord(std::string_view text, std::string_view word) {
  const auto words = base::Split(text, ' ');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Endpoints go to vfio-pci together with the device; a bridge goes to pci-stub, which does nothing
// and leaves the group's DMA alone.
std::string CureFor(const PciDevice& device, const std::vector<GroupBlocker>& blockers) {
  std::string endpoints;
  std::string cure;
  for (const GroupBlocker& blocker : blockers) {
    const std::string text = blocker.address.ToString();
    if (!blocker.is_bridge) {
      endpoints += " " + text;
    } else {
      cure += fmt::format("vassign bind {} --driver pci-stub; ", text);
    }
  }
  const std::string whole = fmt::format("vassign bind {} --group", device.address.ToString());
  return fmt::format("{}, or {}vassign bind {}{}", whole, cure, device.address.ToString(),
                     endpoints);
}

base::Failure RefuseGroup(const PciDevice& device, const std::vector<GroupBlocker>& blockers) {
  std::string text =
      fmt::format("{}: its IOMMU group {} is held by host drivers:", device.address.ToString(),
                  device.iommu_group.value_or(0));
  for (const GroupBlocker& blocker : blockers) {
    text += fmt::format(" {} ({})", blocker.address.ToString(), blocker.driver);
  }
  return base::Fail(base::Code::kUnfit, std::move(text),
                    fmt::format("{}  (--force=group binds it all the same: {})",
                                CureFor(device, blockers), Risk(ForceReason::kGroup)));
}

}  // namespace

IommuState ReadIommuState(const Tree& tree) {
  IommuState state;
  const auto units = tree.List("/sys/class/iommu");
  state.active = units && !units->empty();
  for (const char* table : {"DMAR", "IVRS", "VIOT"}) {
    if (state.table.empty() && tree.Exists(std::string("/sys/firmware/acpi/tables/") + table))
      state.table = table;
  }
  state.kernel_command = ReadText(tree, "/proc/cmdline").value_or(std::string());
  return state;
}

IommuProblem ExplainMissingIommu(const IommuState& state) {
  if (state.active) {
    return {"the host's IOMMU is on, but this device is not behind it",
            "look for the device's own switch in the firmware setup, or use another slot"};
  }
  for (const char* off : {"intel_iommu=off", "amd_iommu=off", "iommu=off"}) {
    if (HasWord(state.kernel_command, off)) {
      return {fmt::format("the IOMMU is switched off on the kernel's command line ({})", off),
              fmt::format("remove {} from the kernel's command line and reboot", off)};
    }
  }
  if (state.table == "DMAR") {
    return {"the host has an Intel IOMMU (ACPI table DMAR), but the kernel does not use it",
            "add intel_iommu=on to the kernel's command line and reboot"};
  }
  if (state.table == "IVRS") {
    return {
        "the host has an AMD IOMMU (ACPI table IVRS), but the kernel does not use it",
        "the kernel's log says why: dmesg | grep -e AMD-Vi -e IVRS (amd_iommu=on is no option)"};
  }
  if (state.table == "VIOT") {
    return {"the host has a virtio IOMMU (ACPI table VIOT), but the kernel does not use it",
            "modprobe virtio_iommu early in the boot, before the devices get their drivers"};
  }
  return {"this host has no IOMMU, or its firmware hides it",
          "switch on VT-d or AMD-Vi in the firmware setup; in a virtual machine, give it a virtual "
          "IOMMU"};
}

ViabilityFacts ReadViability(const Tree& tree, const PciDevice& device) {
  ViabilityFacts facts;
  facts.device = device;
  facts.iommu = ReadIommuState(tree);
  if (!device.iommu_group) return facts;
  const auto group = ReadGroup(tree, *device.iommu_group);
  if (!group) return facts;
  for (Blocker& blocker : FindBlockers(tree, *group)) {
    const auto class_code =
        ReadHex(tree, fmt::format("/sys/bus/pci/devices/{}/class", blocker.address.ToString()));
    facts.blockers.push_back(
        {blocker.address, std::move(blocker.driver), class_code.value_or(0) >> 16 == kBridgeClass});
  }
  return facts;
}

base::Status CheckViability(const ViabilityFacts& facts, std::span<const PciAddress> moving,
                            const ForceSet& force) {
  const PciDevice& device = facts.device;
  const std::string address = device.address.ToString();
  if (device.is_bridge()) {
    return base::Fail(base::Code::kUnfit,
                      address + ": is a bridge; only endpoints can be given to a guest",
                      "name the devices behind it: vassign list");
  }
  if (!device.iommu_group) {
    const IommuProblem problem = ExplainMissingIommu(facts.iommu);
    return base::Fail(base::Code::kUnfit, address + ": has no IOMMU group: " + problem.cause,
                      problem.cure);
  }
  std::vector<GroupBlocker> staying;
  for (const GroupBlocker& blocker : facts.blockers) {
    if (blocker.address != device.address &&
        std::find(moving.begin(), moving.end(), blocker.address) == moving.end())
      staying.push_back(blocker);
  }
  if (staying.empty() || force.contains(ForceReason::kGroup)) return {};
  return RefuseGroup(device, staying);
}

}  // namespace sysfs
