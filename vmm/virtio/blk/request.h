// The requests of virtio-blk as values (virtio 1.2, 5.2.6): what a chain asks for, checked, before
// anything is done. Pure.
//
// The header is the first 16 readable bytes and the status the last writable one, however the guest
// has cut its buffers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/virtio/device.h"
#include "vmm/virtio/queue/chain.h"

namespace vmm::virtio {

inline constexpr uint64_t kSectorBytes = 512;
inline constexpr unsigned kMostSegments = 254;  // of a request
// Of one request; buffers may overlap, so that their sum has no other bound. Linux asks for a
// megabyte or so at a time (max_sectors_kb).
inline constexpr uint64_t kMostTransfer = uint64_t{32} << 20;
inline constexpr unsigned kMostDiscards = 16;              // ranges in one request
inline constexpr uint32_t kMostDiscardSectors = 1u << 22;  // of one range: 2 GiB
inline constexpr size_t kIdBytes = 20;

namespace blk_feature {
inline constexpr uint64_t kSegMax = uint64_t{1} << 2;
inline constexpr uint64_t kReadOnly = uint64_t{1} << 5;
inline constexpr uint64_t kBlockSize = uint64_t{1} << 6;
inline constexpr uint64_t kFlush = uint64_t{1} << 9;
inline constexpr uint64_t kTopology = uint64_t{1} << 10;
inline constexpr uint64_t kConfigWce = uint64_t{1} << 11;
inline constexpr uint64_t kMultiQueue = uint64_t{1} << 12;
inline constexpr uint64_t kDiscard = uint64_t{1} << 13;
inline constexpr uint64_t kWriteZeroes = uint64_t{1} << 14;
}  // namespace blk_feature

enum class BlkStatus : uint8_t { kOk = 0, kError = 1, kUnsupported = 2 };

// What a request does with the image.
enum class BlkWork : uint8_t { kRead, kWrite, kFlush, kDiscard, kZero, kGetId };

struct SectorRange {
  uint64_t offset = 0;  // bytes
  uint64_t size = 0;
  bool may_unmap = false;  // of zeroes
  bool operator==(const SectorRange&) const = default;
};

struct BlkRequest {
  BlkWork work = BlkWork::kRead;
  std::vector<SectorRange> ranges;  // one of a read or a write
  // Where the data begins in the readable or the writable bytes.
  uint64_t data = 0;
};

struct BlkLimits {
  uint64_t sectors = 0;
  bool readonly = false;
  bool can_discard = false;
};

// What became of looking at a chain: a request, a status to give at once, or nothing that could
// take a status.
struct BlkParsed {
  std::optional<BlkRequest> request;
  BlkStatus status = BlkStatus::kError;
  std::optional<uint64_t> status_at;  // in the writable bytes
};
BlkParsed ParseBlk(const GuestRam& ram, const Chain& chain, const BlkLimits& limits);

struct BlkShape {
  BlkLimits limits;
  uint32_t block_size = 512;
  uint32_t physical_size = 512;
  unsigned queues = 1;
  uint16_t queue_size = 256;
  bool packed = false;
  bool writeback = true;       // at first
  bool guest_chooses = false;  // write-back or write-through (CONFIG_WCE)
};
// Of the configuration.
inline constexpr uint16_t kWritebackAt = 32;
// Features, queues and configuration (5.2.4).
DeviceModel BlkModel(const BlkShape& shape);

}  // namespace vmm::virtio
