#include "vmm/assigned/config.h"

#include <algorithm>

#include "sysfs/base/address.h"
#include "sysfs/base/bits.h"
#include "vmm/assigned/capabilities.h"
#include "vmm/assigned/interrupts.h"
#include "vmm/pci/bars.h"
#include "vmm/pci/registers.h"

namespace vmm::assigned {
namespace {

using base::LoadLe;
using sysfs::Capability;
using sysfs::CapabilityId;
using sysfs::ExtendedId;
namespace header = sysfs::registers::header;
namespace express = sysfs::registers::express;
namespace power = sysfs::registers::power;
namespace registers = sysfs::registers;

constexpr unsigned kLastBar = 5;  // then the ROM, where a table cannot be

const pci::BarInfo* FindBar(std::span<const pci::BarInfo> bars, unsigned index) {
  const auto bar = std::find_if(bars.begin(), bars.end(),
                                [&](const pci::BarInfo& one) { return one.index == index; });
  if (bar == bars.end() || bar->index > kLastBar || bar->kind == pci::BarKind::kIo) return nullptr;
  return &*bar;
}

// One of the two words "offset, BAR index" of the MSI-X capability.
struct Location {
  unsigned bar;
  base::Range range;
};
std::optional<Location> ParseLocation(std::span<const std::byte> config, size_t at, uint64_t size,
                                      std::span<const pci::BarInfo> bars) {
  const auto word = LoadLe<uint32_t>(config, at);
  const unsigned index = registers::msix::BarIndex::Get(word);
  const base::Range range{word & registers::msix::kOffsetMask, size};
  const pci::BarInfo* bar = FindBar(bars, index);
  if (bar == nullptr || !base::Range{0, bar->size}.Contains(range)) return std::nullopt;
  return Location{index, range};
}

void OwnHeader(const DeviceFacts& facts, pci::ConfigSpace& space) {
  constexpr uint32_t kCommandWritable = pci::kCommandIo | pci::kCommandMemory |
                                        pci::kCommandMaster | pci::kCommandParity |
                                        pci::kCommandSerr | pci::kCommandIntxDisable;
  space.Own(header::kCommand, Width::k2, 0, kCommandWritable);
  // With a pin its state is the hardware's, which masks and knows it.
  if (!facts.intx) space.OwnBits(header::kStatus, pci::kStatusInterrupt, 0);
  const auto type = LoadLe<uint8_t>(facts.config, header::kType);
  space.Own(header::kType, Width::k1, type & ~uint32_t{pci::kMultiFunction});
  space.OwnZero(header::kBist, 1);  // a self test may keep the bus
  pci::OwnBarRegisters(space, facts.bars);
  space.OwnZero(header::kCardbusCis, 4);
  space.OwnZero(header::kCapabilities, header::kInterruptLine - header::kCapabilities);
  space.Own(header::kInterruptLine, Width::k1, 0, 0xff);
  space.Own(header::kInterruptPin, Width::k1, facts.intx ? 1 : 0);
}

// The guest's power state is its own: the device stays in D0.
void OwnPower(uint16_t offset, pci::ConfigSpace& space) {
  space.Own(static_cast<uint16_t>(offset + power::kControl), Width::k4,
            static_cast<uint32_t>(power::NoSoftReset::kMask),
            static_cast<uint32_t>(power::State::kMask));
}

uint16_t FindExpress(std::span<const std::byte> config) {
  for (const Capability& one : sysfs::ListCapabilities(config)) {
    if (static_cast<CapabilityId>(one.id) == CapabilityId::kExpress) return one.offset;
  }
  return 0;
}

bool IsEndpoint(uint16_t type) {
  return type == express::kEndpoint || type == express::kLegacyEndpoint ||
         type == express::kIntegratedEndpoint;
}

// The link is the host's: the guest sees what it runs at, and saves no power on it.
void OwnLink(const DeviceFacts& facts, uint16_t offset, pci::ConfigSpace& space) {
  const auto at = [offset](unsigned reg) { return static_cast<uint16_t>(offset + reg); };
  const pci::Link link = LinkOf(facts.config);
  const auto speed = express::LinkSpeed::Set(uint16_t{0}, link.speed);
  const uint16_t status = express::LinkWidth::Set(speed, link.width);
  const auto own = LoadLe<uint32_t>(facts.config, at(express::kLinkCapabilities));
  const uint32_t shown = own == 0 ? status : express::LinkPowerSaving::Set(own, 0u);
  space.Own(at(express::kLinkCapabilities), Width::k4, shown);
  space.Own(at(express::kLinkControl), Width::k2, 0, 0x00c8);
  space.Own(at(express::kLinkStatus), Width::k2, status);
}

// On bus 0 the device is integrated into the root complex and has no link (PCIe 6.0, 7.5.3.2);
// behind a port it is an endpoint with one.
void OwnExpress(const DeviceFacts& facts, uint16_t offset, pci::ConfigSpace& space) {
  const auto at = [offset](unsigned reg) { return static_cast<uint16_t>(offset + reg); };
  const auto flags = LoadLe<uint16_t>(facts.config, offset + express::kCapabilities);
  const uint16_t type = express::PortType::Get(flags);
  if (!IsEndpoint(type)) return;
  const uint16_t there = type == express::kIntegratedEndpoint ? express::kEndpoint : type;
  const uint16_t shown = facts.behind_port ? there : express::kIntegratedEndpoint;
  space.Own(at(express::kCapabilities), Width::k2,
            express::SlotImplemented::Set(express::PortType::Set(flags, shown), uint16_t{0}));
  const bool is_first_version = express::Version::Get(flags) < 2;
  space.OwnZero(at(express::kLinkCapabilities),
                (is_first_version ? express::kSize1 : express::kDeviceCapabilities2) -
                    express::kLinkCapabilities);
  if (!is_first_version)
    space.OwnZero(at(express::kLinkCapabilities2), express::kSize2 - express::kLinkCapabilities2);
  if (facts.behind_port) OwnLink(facts, offset, space);
}

// The registers stay the kernel's, which resets under the same conditions (vfio_exp_config_write,
// vfio_af_config_write).
void FindResets(const DeviceFacts& facts, const Capability& one, std::vector<ResetBits>& resets) {
  const auto id = static_cast<CapabilityId>(one.id);
  const auto at = [&one](unsigned reg) { return static_cast<uint16_t>(one.offset + reg); };
  if (id == CapabilityId::kExpress) {
    const auto device = LoadLe<uint32_t>(facts.config, at(express::kDeviceCapabilities));
    if (express::FunctionLevelReset::Get(device) == 0) return;
    constexpr auto kHighByte = static_cast<uint8_t>(express::InitiateReset::kMask >> 8);
    resets.push_back({at(express::kDeviceControl + 1), kHighByte});
  }
  if (id == CapabilityId::kAdvancedFeatures) {
    namespace advanced = registers::advanced;
    const auto able = LoadLe<uint8_t>(facts.config, at(advanced::kCapabilities));
    if (advanced::FunctionLevelReset::Get(able) == 0) return;
    if (advanced::TransactionsPending::Get(able) == 0) return;
    constexpr auto kBit = static_cast<uint8_t>(advanced::InitiateReset::kMask);
    resets.push_back({at(advanced::kControl), kBit});
  }
}

void OwnMsix(const MsixLayout& msix, const DeviceFacts& facts, pci::ConfigSpace& space) {
  const auto at = [&](unsigned reg) { return static_cast<uint16_t>(msix.offset + reg); };
  space.Own(at(registers::msix::kControl), Width::k2, msix.vectors - 1,
            uint32_t{pci::kMsixEnable} | pci::kMsixFunctionMask);
  for (const uint16_t reg : {registers::msix::kTable, registers::msix::kPending}) {
    space.Own(at(reg), Width::k4, LoadLe<uint32_t>(facts.config, size_t{msix.offset} + reg));
  }
}

// Takes ownership of one capability's registers; false when the guest must not see it.
bool Keep(const DeviceFacts& facts, const Capability& one, ConfigPlan& plan) {
  const auto id = static_cast<CapabilityId>(one.id);
  switch (id) {
    case CapabilityId::kMsi: {
      const auto control = LoadLe<uint16_t>(facts.config, one.offset + registers::msi::kControl);
      pci::MsiLayout msi = pci::ParseMsi(one.offset, control);
      if (plan.msi || facts.msi_vectors == 0) return false;
      msi.max_vectors = MsiVectorsShown(msi.max_vectors, facts.msi_vectors);
      if (size_t{one.offset} + msi.size() > sysfs::kConfigSize) return false;
      plan.msi = msi;
      pci::OwnMsi(plan.space, msi);
      return true;
    }
    case CapabilityId::kMsix:
      if (plan.msix || facts.msix_vectors == 0) return false;
      plan.msix = ParseMsix(facts.config, one.offset, facts.bars);
      if (plan.msix) OwnMsix(*plan.msix, facts, plan.space);
      return plan.msix.has_value();
    case CapabilityId::kExpress:
      OwnExpress(facts, one.offset, plan.space);
      return true;
    case CapabilityId::kPowerManagement:
      OwnPower(one.offset, plan.space);
      return true;
    default:
      return !IsHidden(id);
  }
}

void OwnCapabilities(const DeviceFacts& facts, ConfigPlan& plan) {
  const std::vector<Capability> all = sysfs::ListCapabilities(facts.config);
  std::vector<Capability> kept;
  for (const Capability& one : all) {
    if (Keep(facts, one, plan)) {
      kept.push_back(one);
      FindResets(facts, one, plan.resets);
    } else {
      plan.hidden.push_back({one.id, one.offset, false});
    }
  }
  LinkCapabilities(plan.space, all, kept);
}

void OwnExtendedCapabilities(const DeviceFacts& facts, ConfigPlan& plan) {
  const std::vector<Capability> all = sysfs::ListExtendedCapabilities(facts.config);
  std::vector<Capability> kept;
  for (const Capability& one : all) {
    if (IsHidden(static_cast<ExtendedId>(one.id))) {
      plan.hidden.push_back({one.id, one.offset, true});
    } else {
      kept.push_back(one);
    }
  }
  LinkExtendedCapabilities(plan.space, all, kept);
}

}  // namespace

std::optional<MsixLayout> ParseMsix(std::span<const std::byte> config, uint16_t offset,
                                    std::span<const pci::BarInfo> bars) {
  if (size_t{offset} + registers::msix::kSize > sysfs::kConfigSize) return std::nullopt;
  const auto control = LoadLe<uint16_t>(config, offset + registers::msix::kControl);
  const unsigned vectors = registers::msix::TableSize::Get(control) + 1u;
  const auto table = ParseLocation(config, offset + registers::msix::kTable,
                                   uint64_t{vectors} * registers::msix::kEntrySize, bars);
  const auto pending = ParseLocation(config, offset + registers::msix::kPending,
                                     uint64_t{(vectors + 63) / 64} * 8, bars);
  if (!table || !pending) return std::nullopt;
  if (table->bar == pending->bar && table->range.Overlaps(pending->range)) return std::nullopt;
  return MsixLayout{
      offset, vectors, table->bar, table->range.base, pending->bar, pending->range.base};
}

pci::Link LinkOf(std::span<const std::byte> config) {
  pci::Link link;
  const uint16_t at = FindExpress(config);
  if (at == 0) return link;
  const auto status = LoadLe<uint16_t>(config, size_t{at} + express::kLinkStatus);
  const uint16_t speed = express::LinkSpeed::Get(status);
  const uint16_t width = express::LinkWidth::Get(status);
  if (speed != 0 && speed != 0xf && width != 0 && width <= 32) link = {speed, width};
  return link;
}

ConfigPlan PlanConfig(const DeviceFacts& facts) {
  const bool extended = facts.config.size() > sysfs::kConfigSize;
  ConfigPlan plan{pci::ConfigSpace(extended ? pci::kExtendedConfigSize : pci::kConfigSize),
                  {},
                  {},
                  {},
                  {},
                  {},
                  facts.intx,
                  false,
                  ConfigRules(facts.config, facts.policy)};
  plan.link = LinkOf(facts.config);
  for (const base::Range& range : plan.rules.hidden()) {
    plan.space.OwnZero(static_cast<uint16_t>(range.base), static_cast<uint16_t>(range.size));
  }
  OwnHeader(facts, plan.space);
  OwnCapabilities(facts, plan);
  if (extended) OwnExtendedCapabilities(facts, plan);
  const bool has_pin = LoadLe<uint8_t>(facts.config, header::kInterruptPin) != 0;
  plan.without_interrupts = has_pin && !plan.intx && !plan.msi && !plan.msix;
  return plan;
}

bool InitiatesReset(const ConfigPlan& plan, uint16_t offset, const pci::WriteEffect& effect) {
  return std::any_of(plan.resets.begin(), plan.resets.end(), [&](const ResetBits& bits) {
    const unsigned byte = unsigned{bits.offset} - offset;  // wraps for one before the access
    return byte < 4 && (effect.to_hardware >> byte & 1) != 0 &&
           (effect.value >> (8 * byte) & bits.mask) != 0;
  });
}

}  // namespace vmm::assigned
