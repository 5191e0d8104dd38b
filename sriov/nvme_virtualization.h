// What an NVMe drive says of its virtual functions, and what it is told (NVM Express Base 2.0,
// 5.17.2.12 and 5.17.2.13 Identify, 5.26 Virtualization Management, 8.26).
//
// A virtual function of a drive is a secondary controller. It is offline until it has flexible
// resources: queues (VQ; the admin queue counts) and interrupts (VI).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sriov {

enum class NvmeResource : uint8_t { kQueues = 0, kInterrupts = 1 };  // RT of the command

enum class NvmeAction : uint8_t {  // ACT of the command
  kPrimaryFlexible = 1,            // takes effect at the next reset of the primary controller
  kOffline = 7,
  kAssign = 8,
  kOnline = 9,
};

struct NvmeCommand {
  NvmeAction action = NvmeAction::kOnline;
  uint16_t controller = 0;  // CNTLID
  NvmeResource resource = NvmeResource::kQueues;
  uint16_t count = 0;
  bool operator==(const NvmeCommand&) const = default;
};

// "nvme virt-mgmt /dev/nvme1 -c 2 -r 0 -a 8 -n 2", as nvme-virt-mgmt(1) takes it.
std::string Format(const NvmeCommand& command, const std::string& node);

// Of one kind of resource.
struct NvmeFlexible {
  uint32_t total = 0;        // VQFRT, VIFRT: flexible resources of the drive
  uint32_t assigned = 0;     // VQRFA, VIRFA: of these, with secondary controllers
  uint16_t primary = 0;      // VQRFAP, VIRFAP: of these, with the primary one
  uint16_t fixed = 0;        // VQPRT, VIPRT: the primary one's own, never given away
  uint16_t most = 0;         // VQFRSM, VIFRSM: most for one secondary controller
  uint16_t granularity = 0;  // VQGRAN, VIGRAN: preferred step; 0 when there is none
  bool operator==(const NvmeFlexible&) const = default;
};

struct NvmePrimary {
  uint16_t controller = 0;  // CNTLID
  NvmeFlexible queues;
  NvmeFlexible interrupts;
  bool operator==(const NvmePrimary&) const = default;
};

struct NvmeSecondary {
  uint16_t controller = 0;  // SCID
  uint16_t function = 0;    // VFN: 1 for virtual function 0
  bool online = false;
  uint16_t queues = 0;
  uint16_t interrupts = 0;
  bool operator==(const NvmeSecondary&) const = default;
};

inline constexpr size_t kNvmeIdentifySize = 4096;

// Bytes of the drive, not trusted: counts are bounded by the block.
bool HasVirtualization(std::span<const std::byte> identify_controller);        // OACS, bit 7
NvmePrimary ParsePrimary(std::span<const std::byte> capabilities);             // CNS 14h
std::vector<NvmeSecondary> ParseSecondaries(std::span<const std::byte> list);  // CNS 15h

}  // namespace sriov
