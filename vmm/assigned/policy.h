// What a guest may do with the bytes of configuration space that no standard structure accounts
// for.
//
// Every byte that is not the monitor's is of one of three kinds. Known registers (the header and
// the standard capabilities) go to the kernel, which virtualises and guards them
// (vfio_pci_config.c). Vendor-specific capabilities and bytes of no structure at all go to the
// hardware as they are: nobody but the card's maker knows what they do. The precedent for the
// choice is Xen's pciback, whose default is our kStrict and whose `permissive` our kPermissive.
//
// Pure; the bytes come from the device and are not trusted.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "vmm/io.h"

namespace vmm::assigned {

enum class ConfigPolicy : uint8_t {
  kStrict,      // writes to vendor-specific and unowned bytes are ignored, but where a driver is
                // known to need them; reads pass
  kStandard,    // they pass; where a device is known to show host addresses, it reads as zero
  kPermissive,  // all passes
};
std::string_view PolicyName(ConfigPolicy policy);               // as in --assign DEV,config=NAME
base::Result<ConfigPolicy> ParsePolicy(std::string_view name);  // kUsage

enum class ByteKind : uint8_t { kKnown, kVendor, kUnowned };

// What is known of one maker's devices in those bytes.
struct KnownRegister {
  uint16_t vendor = 0;
  uint32_t device_class = 0;  // base class and subclass, 0x0280; or the base class alone, 0x0300
  uint16_t class_mask = 0xffff;
  base::Range bytes;
  enum class Rule : uint8_t {
    kNeeded,       // its Linux driver writes it: passes under kStrict
    kHostAddress,  // an address of the host's memory: hidden but under kPermissive
  };
  Rule rule = Rule::kNeeded;
  std::string_view what;
};
std::span<const KnownRegister> KnownRegisters();

// What becomes of the bytes of one write that are the hardware's; bit i is byte i of the access.
struct PolicyVerdict {
  uint8_t passed = 0;
  uint8_t denied = 0;
  uint8_t vendor = 0;   // of both: those in vendor-specific capabilities
  uint8_t unowned = 0;  // of both: those in no structure
  bool operator==(const PolicyVerdict&) const = default;
};

class ConfigRules {
 public:
  // 256 or 4096 bytes as VFIO shows them.
  ConfigRules(std::span<const std::byte> config, ConfigPolicy policy);

  ConfigPolicy policy() const { return policy_; }
  // Bytes beyond the space are unowned.
  ByteKind KindOf(uint16_t offset) const;
  PolicyVerdict Judge(uint16_t offset, uint8_t to_hardware) const;
  // Ranges that the guest must read as zero.
  const std::vector<base::Range>& hidden() const { return hidden_; }

 private:
  bool IsUnowned(const base::Range& range) const;
  void Mark(const base::Range& range, ByteKind kind);
  void MarkStructures(std::span<const std::byte> config);
  void ApplyKnownDevices(std::span<const std::byte> config);

  struct Byte {
    ByteKind kind = ByteKind::kUnowned;
    bool needed = false;
  };
  ConfigPolicy policy_;
  std::vector<Byte> bytes_;
  std::vector<base::Range> hidden_;
};

}  // namespace vmm::assigned
