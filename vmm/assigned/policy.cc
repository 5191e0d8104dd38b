#include "vmm/assigned/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sysfs/base/bits.h"
#include "sysfs/base/text.h"
#include "sysfs/capability.h"

namespace vmm::assigned {
namespace {

using base::LoadLe;
using sysfs::Capability;
using sysfs::CapabilityId;
using sysfs::ExtendedId;
namespace registers = sysfs::registers;
namespace header = sysfs::registers::header;

using Rule = KnownRegister::Rule;

// Each from the Linux driver that is named; the graphics registers from Intel's documentation of
// the opregion and of stolen memory.
constexpr std::array kKnownRegisters = {
    KnownRegister{0x168c, 0x0280, 0xffff, {0x41, 1}, Rule::kNeeded, "retry timeout (ath9k)"},
    KnownRegister{0x8086, 0x0280, 0xffff, {0x41, 1}, Rule::kNeeded, "retry timeout (iwlwifi)"},
    KnownRegister{0x10ec, 0x0200, 0xffff, {0x70f, 1}, Rule::kNeeded, "L1 entry latency (r8169)"},
    KnownRegister{0x14e4, 0x0200, 0xffff, {0x68, 0x2c}, Rule::kNeeded, "register window (tg3)"},
    KnownRegister{0x8086, 0x0300, 0xff00, {0x5c, 4}, Rule::kHostAddress, "stolen memory"},
    KnownRegister{0x8086, 0x0300, 0xff00, {0xc0, 8}, Rule::kHostAddress, "stolen memory"},
    KnownRegister{0x8086, 0x0300, 0xff00, {0xfc, 4}, Rule::kHostAddress, "opregion"},
};

uint8_t ByteAt(std::span<const std::byte> config, size_t at) {
  return at < config.size() ? std::to_integer<uint8_t>(config[at]) : uint8_t{0};
}
uint32_t WordAt(std::span<const std::byte> config, size_t at) {
  return at + 4 <= config.size() ? LoadLe<uint32_t>(config, at) : 0;
}

bool IsVendor(CapabilityId id) { return id == CapabilityId::kVendorSpecific; }
bool IsVendor(ExtendedId id) {
  return id == ExtendedId::kVendorSpecific || id == ExtendedId::kDesignatedVendor;
}

// How many bytes a capability has by its specification; an unknown one has its header alone.
unsigned SizeOf(std::span<const std::byte> config, const Capability& one) {
  const auto flags = static_cast<uint16_t>(WordAt(config, one.offset) >> 16);
  switch (static_cast<CapabilityId>(one.id)) {
    case CapabilityId::kPowerManagement:
    case CapabilityId::kVpd:
    case CapabilityId::kSubsystemId:
    case CapabilityId::kSata:
    case CapabilityId::kPciX:
      return 8;
    case CapabilityId::kMsi:
      return registers::msi::Size(flags);
    case CapabilityId::kMsix:
      return registers::msix::kSize;
    case CapabilityId::kExpress:
      return registers::express::Version::Get(flags) < 2 ? registers::express::kSize1
                                                         : registers::express::kSize2;
    case CapabilityId::kAdvancedFeatures:
      return 6;
    case CapabilityId::kVendorSpecific:
      return std::max<unsigned>(ByteAt(config, one.offset + 2u), 3);
    default:
      return 4;
  }
}

unsigned ExtendedSizeOf(std::span<const std::byte> config, const Capability& one) {
  switch (static_cast<ExtendedId>(one.id)) {
    case ExtendedId::kErrorReporting:
      return 0x48;
    case ExtendedId::kSerialNumber:
    case ExtendedId::kPrecisionTime:
    case ExtendedId::kDataLinkFeature:
      return 12;
    case ExtendedId::kPowerBudgeting:
    case ExtendedId::kL1Substates:
      return 16;
    case ExtendedId::kAcs:
    case ExtendedId::kAri:
    case ExtendedId::kAts:
    case ExtendedId::kPasid:
    case ExtendedId::kLatencyTolerance:
      return 8;
    case ExtendedId::kSriov:
      return registers::sriov::kSize;
    case ExtendedId::kMulticast:
      return 0x30;
    case ExtendedId::kPageRequest:
      return 16;
    case ExtendedId::kSecondaryExpress:
      return 12 + 32 * 2;
    case ExtendedId::kDataObjectExchange:
      return 0x18;
    case ExtendedId::kVendorSpecific:
    case ExtendedId::kDesignatedVendor:  // the length is in the second word
      return std::max(WordAt(config, one.offset + 4u) >> 20, 8u);
    default:
      return 4;
  }
}

}  // namespace

std::string_view PolicyName(ConfigPolicy policy) {
  switch (policy) {
    case ConfigPolicy::kStrict:
      return "strict";
    case ConfigPolicy::kStandard:
      return "standard";
    case ConfigPolicy::kPermissive:
      return "permissive";
  }
  return "";
}

base::Result<ConfigPolicy> ParsePolicy(std::string_view name) {
  for (const auto policy :
       {ConfigPolicy::kStrict, ConfigPolicy::kStandard, ConfigPolicy::kPermissive}) {
    if (name == PolicyName(policy)) return policy;
  }
  return base::Fail(base::Code::kUsage, fmt::format("config={}: not a policy", base::Quote(name)),
                    "use strict, standard or permissive");
}

std::span<const KnownRegister> KnownRegisters() { return kKnownRegisters; }

ConfigRules::ConfigRules(std::span<const std::byte> config, ConfigPolicy policy)
    : policy_(policy), bytes_(config.size()) {
  MarkStructures(config);
  ApplyKnownDevices(config);
}

void ConfigRules::Mark(const base::Range& range, ByteKind kind) {
  for (uint64_t at = range.base; at < range.end() && at < bytes_.size(); ++at) {
    bytes_[at].kind = kind;
  }
}

// A capability ends where the next one begins, whatever it says of its size.
void ConfigRules::MarkStructures(std::span<const std::byte> config) {
  Mark({0, header::kEnd}, ByteKind::kKnown);
  const auto mark = [&](std::span<const Capability> all, uint64_t end, auto kind_of, auto size_of) {
    for (const Capability& one : all) {
      uint64_t limit = std::min<uint64_t>(uint64_t{one.offset} + size_of(one), end);
      for (const Capability& other : all) {
        if (other.offset > one.offset) limit = std::min<uint64_t>(limit, other.offset);
      }
      Mark({one.offset, limit - one.offset}, kind_of(one));
    }
  };
  const auto kind = [](bool vendor) { return vendor ? ByteKind::kVendor : ByteKind::kKnown; };
  mark(
      sysfs::ListCapabilities(config), sysfs::kConfigSize,
      [&](const Capability& one) { return kind(IsVendor(static_cast<CapabilityId>(one.id))); },
      [&](const Capability& one) { return SizeOf(config, one); });
  if (config.size() <= sysfs::kConfigSize) return;
  mark(
      sysfs::ListExtendedCapabilities(config), config.size(),
      [&](const Capability& one) { return kind(IsVendor(static_cast<ExtendedId>(one.id))); },
      [&](const Capability& one) { return ExtendedSizeOf(config, one); });
}

void ConfigRules::ApplyKnownDevices(std::span<const std::byte> config) {
  const uint32_t vendor = WordAt(config, header::kVendor) & 0xffff;
  const uint32_t device_class = WordAt(config, header::kRevision) >> 16;
  for (const KnownRegister& known : kKnownRegisters) {
    const bool meant =
        known.vendor == vendor && (device_class & known.class_mask) == known.device_class;
    if (!meant || known.bytes.end() > bytes_.size()) continue;
    if (known.rule == Rule::kNeeded) {
      for (uint64_t at = known.bytes.base; at < known.bytes.end(); ++at) bytes_[at].needed = true;
    } else if (policy_ != ConfigPolicy::kPermissive && IsUnowned(known.bytes)) {
      hidden_.push_back(known.bytes);
    }
  }
}

bool ConfigRules::IsUnowned(const base::Range& range) const {
  for (uint64_t at = range.base; at < range.end(); ++at) {
    if (KindOf(static_cast<uint16_t>(at)) != ByteKind::kUnowned) return false;
  }
  return true;
}

ByteKind ConfigRules::KindOf(uint16_t offset) const {
  return offset < bytes_.size() ? bytes_[offset].kind : ByteKind::kUnowned;
}

PolicyVerdict ConfigRules::Judge(uint16_t offset, uint8_t to_hardware) const {
  PolicyVerdict verdict;
  for (unsigned i = 0; i < 4 && offset + i < bytes_.size(); ++i) {
    const auto bit = static_cast<uint8_t>(1u << i);
    if ((to_hardware & bit) == 0) continue;
    const Byte& byte = bytes_[offset + i];
    const bool vague = byte.kind != ByteKind::kKnown;
    if (byte.kind == ByteKind::kVendor) verdict.vendor |= bit;
    if (byte.kind == ByteKind::kUnowned) verdict.unowned |= bit;
    const bool denied = vague && policy_ == ConfigPolicy::kStrict && !byte.needed;
    (denied ? verdict.denied : verdict.passed) |= bit;
  }
  return verdict;
}

}  // namespace vmm::assigned
