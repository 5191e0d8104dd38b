#include "vmm/fallback/facts.h"

#include <algorithm>

#include "sysfs/base/text.h"
#include "sysfs/evidence/disks.h"
#include "sysfs/evidence/places.h"
#include "sysfs/iommu_group.h"

namespace vmm {
namespace {

std::vector<HostInterface> ReadInterfaces(const sysfs::Tree& tree,
                                          const sysfs::PciAddress& address) {
  constexpr uint64_t kUp = 1;  // IFF_UP
  const sysfs::Places places(tree);
  std::vector<HostInterface> all;
  for (const sysfs::Below& one : places.FindBelow("/sys/class/net", address)) {
    const std::string place = "/sys/class/net/" + one.name;
    HostInterface interface;
    interface.name = one.name;
    interface.mtu = static_cast<uint16_t>(
        std::min<uint64_t>(sysfs::ReadDecimal(tree, place + "/mtu").value_or(1500), UINT16_MAX));
    interface.up = (sysfs::ReadHex(tree, place + "/flags").value_or(0) & kUp) != 0;
    interface.wireless = tree.Exists(place + "/wireless") || tree.Exists(place + "/phy80211");
    interface.master = sysfs::LinkName(tree, place + "/master").value_or("");
    all.push_back(std::move(interface));
  }
  return all;
}

// Blanks at its end fill it up.
std::string Trimmed(std::string text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// Of an NVMe controller; other drives have none in sysfs that is a plain text.
std::string ReadSerial(const sysfs::Tree& tree, const sysfs::PciAddress& address) {
  const sysfs::Places places(tree);
  for (const sysfs::Below& controller : places.FindBelow("/sys/class/nvme", address)) {
    const auto serial = sysfs::ReadText(tree, "/sys/class/nvme/" + controller.name + "/serial");
    if (serial) return Trimmed(*serial);
  }
  return {};
}

}  // namespace

FallbackFacts ReadFallbackFacts(const sysfs::Tree& tree, const sysfs::PciDevice& device,
                                const sysfs::EvidenceSources& sources) {
  FallbackFacts facts;
  facts.device = device;
  facts.taken = device.driver && sysfs::IsManagedDmaDriver(tree, *device.driver);
  facts.disks = sysfs::FindDisks(tree, device.address);
  facts.serial = ReadSerial(tree, device.address);
  facts.interfaces = ReadInterfaces(tree, device.address);
  if (facts.interfaces.empty() && device.physfn) {
    facts.interfaces = ReadInterfaces(tree, *device.physfn);
    facts.of_physical = !facts.interfaces.empty();
  }
  const auto physical = facts.of_physical
                            ? sysfs::ReadDevice(tree, *device.physfn, sysfs::Detail::kUnlocked)
                            : base::Result<sysfs::PciDevice>(device);
  if (physical) facts.evidence = sysfs::FindEvidence(tree, *physical, sources);
  return facts;
}

}  // namespace vmm
