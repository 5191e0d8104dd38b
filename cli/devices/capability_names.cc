#include "cli/devices/capability_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "sysfs/pci_registers.h"

namespace cli {
namespace {

struct Known {
  uint16_t id;
  std::string_view name;
};

constexpr uint16_t Id(sysfs::CapabilityId id) { return static_cast<uint16_t>(id); }
constexpr uint16_t Id(sysfs::ExtendedId id) { return static_cast<uint16_t>(id); }

using Standard = sysfs::CapabilityId;
constexpr std::array<Known, 16> kStandard = {{{Id(Standard::kPowerManagement), "PM"},
                                              {Id(Standard::kAgp), "AGP"},
                                              {Id(Standard::kVpd), "VPD"},
                                              {Id(Standard::kSlotId), "Slot-ID"},
                                              {Id(Standard::kMsi), "MSI"},
                                              {Id(Standard::kPciX), "PCI-X"},
                                              {Id(Standard::kHyperTransport), "HT"},
                                              {Id(Standard::kVendorSpecific), "VNDR"},
                                              {Id(Standard::kDebugPort), "Debug"},
                                              {Id(Standard::kHotPlug), "SHPC"},
                                              {Id(Standard::kSubsystemId), "SSVID"},
                                              {Id(Standard::kExpress), "PCIe"},
                                              {Id(Standard::kMsix), "MSI-X"},
                                              {Id(Standard::kSata), "SATA"},
                                              {Id(Standard::kAdvancedFeatures), "AF"},
                                              {Id(Standard::kEnhancedAllocation), "EA"}}};

using Extended = sysfs::ExtendedId;
constexpr std::array<Known, 26> kExtended = {{{Id(Extended::kErrorReporting), "AER"},
                                              {Id(Extended::kVirtualChannel), "VC"},
                                              {Id(Extended::kSerialNumber), "DSN"},
                                              {Id(Extended::kPowerBudgeting), "Power"},
                                              {Id(Extended::kVendorSpecific), "VSEC"},
                                              {Id(Extended::kAcs), "ACS"},
                                              {Id(Extended::kAri), "ARI"},
                                              {Id(Extended::kAts), "ATS"},
                                              {Id(Extended::kSriov), "SR-IOV"},
                                              {Id(Extended::kMulticast), "Multicast"},
                                              {Id(Extended::kPageRequest), "PRI"},
                                              {Id(Extended::kResizableBar), "ReBAR"},
                                              {Id(Extended::kDynamicPower), "DPA"},
                                              {Id(Extended::kTph), "TPH"},
                                              {Id(Extended::kLatencyTolerance), "LTR"},
                                              {Id(Extended::kSecondaryExpress), "SPCIe"},
                                              {Id(Extended::kPasid), "PASID"},
                                              {Id(Extended::kDownstreamPortContainment), "DPC"},
                                              {Id(Extended::kL1Substates), "L1SS"},
                                              {Id(Extended::kPrecisionTime), "PTM"},
                                              {Id(Extended::kDesignatedVendor), "DVSEC"},
                                              {Id(Extended::kVfResizableBar), "VF-ReBAR"},
                                              {Id(Extended::kDataLinkFeature), "DLF"},
                                              {Id(Extended::kPhysicalLayer16), "16GT"},
                                              {Id(Extended::kLaneMargining), "Margin"},
                                              {Id(Extended::kDataObjectExchange), "DOE"}}};

template <size_t kCount>
std::string NameIn(const std::array<Known, kCount>& table, uint16_t id) {
  const auto found =
      std::find_if(table.begin(), table.end(), [id](const Known& one) { return one.id == id; });
  return found == table.end() ? fmt::format("{:#04x}", id) : std::string(found->name);
}

}  // namespace

std::string CapabilityName(uint16_t id) { return NameIn(kStandard, id); }
std::string ExtendedCapabilityName(uint16_t id) { return NameIn(kExtended, id); }

}  // namespace cli
