#include "vmm/virtio/blk/request.h"

#include <array>
#include <bit>

#include "sysfs/base/bits.h"

namespace vmm::virtio {
namespace {

constexpr uint64_t kHeaderBytes = 16;
constexpr uint64_t kSegmentBytes = 16;

enum Type : uint32_t {
  kIn = 0,
  kOut = 1,
  kFlush = 4,
  kGetId = 8,
  kDiscard = 11,
  kWriteZeroes = 13,
};

bool InRange(uint64_t sector, uint64_t count, const BlkLimits& limits) {
  return sector <= limits.sectors && count <= limits.sectors - sector;
}

using Made = tl::expected<BlkRequest, BlkStatus>;

Made Transfer(BlkWork work, uint64_t sector, uint64_t size, uint64_t data,
              const BlkLimits& limits) {
  if (work == BlkWork::kWrite && limits.readonly) return tl::unexpected(BlkStatus::kError);
  if (size > kMostTransfer || size % kSectorBytes != 0 ||
      !InRange(sector, size / kSectorBytes, limits)) {
    return tl::unexpected(BlkStatus::kError);
  }
  return BlkRequest{work, {{sector * kSectorBytes, size, false}}, data};
}

// struct virtio_blk_discard_write_zeroes, one or more.
Made Ranges(const GuestRam& ram, const Chain& chain, bool discard, uint64_t bytes,
            const BlkLimits& limits) {
  if (!limits.can_discard && discard) return tl::unexpected(BlkStatus::kUnsupported);
  if (limits.readonly || bytes == 0 || bytes % kSegmentBytes != 0 ||
      bytes / kSegmentBytes > kMostDiscards) {
    return tl::unexpected(BlkStatus::kError);
  }
  BlkRequest request{discard ? BlkWork::kDiscard : BlkWork::kZero, {}, kHeaderBytes};
  std::array<std::byte, kSegmentBytes> segment;
  for (uint64_t at = kHeaderBytes; at < kHeaderBytes + bytes; at += kSegmentBytes) {
    if (!CopyFrom(ram, chain.readable, at, segment)) return tl::unexpected(BlkStatus::kError);
    const auto sector = base::LoadLe<uint64_t>(segment, 0);
    const auto count = base::LoadLe<uint32_t>(segment, 8);
    const auto flags = base::LoadLe<uint32_t>(segment, 12);
    if (flags > 1 || (discard && flags != 0)) return tl::unexpected(BlkStatus::kUnsupported);
    if (count > kMostDiscardSectors || !InRange(sector, count, limits)) {
      return tl::unexpected(BlkStatus::kError);
    }
    request.ranges.push_back(
        {sector * kSectorBytes, uint64_t{count} * kSectorBytes, (flags & 1) != 0});
  }
  return request;
}

Made Make(const GuestRam& ram, const Chain& chain, const BlkLimits& limits) {
  std::array<std::byte, kHeaderBytes> header;
  if (!CopyFrom(ram, chain.readable, 0, header)) return tl::unexpected(BlkStatus::kError);
  const auto sector = base::LoadLe<uint64_t>(header, 8);
  const uint64_t out = TotalSize(chain.readable) - kHeaderBytes;
  const uint64_t in = TotalSize(chain.writable) - 1;
  switch (base::LoadLe<uint32_t>(header, 0)) {
    case kIn:
      return Transfer(BlkWork::kRead, sector, in, 0, limits);
    case kOut:
      return Transfer(BlkWork::kWrite, sector, out, kHeaderBytes, limits);
    case kFlush:
      return BlkRequest{BlkWork::kFlush, {}, 0};
    case kGetId:
      if (in < kIdBytes) return tl::unexpected(BlkStatus::kError);
      return BlkRequest{BlkWork::kGetId, {}, 0};
    case kDiscard:
      return Ranges(ram, chain, true, out, limits);
    case kWriteZeroes:
      return Ranges(ram, chain, false, out, limits);
    default:
      return tl::unexpected(BlkStatus::kUnsupported);
  }
}

}  // namespace

BlkParsed ParseBlk(const GuestRam& ram, const Chain& chain, const BlkLimits& limits) {
  BlkParsed parsed;
  const uint64_t writable = TotalSize(chain.writable);
  if (writable == 0) return parsed;
  parsed.status_at = writable - 1;
  Made made = Make(ram, chain, limits);
  if (made) {
    parsed.request = std::move(*made);
  } else {
    parsed.status = made.error();
  }
  return parsed;
}

DeviceModel BlkModel(const BlkShape& shape) {
  DeviceModel model;
  model.kind = kBlkKind;
  model.packed = shape.packed;
  model.queue_sizes.assign(shape.queues, shape.queue_size);
  model.features = blk_feature::kSegMax | blk_feature::kBlockSize | blk_feature::kTopology |
                   blk_feature::kFlush | blk_feature::kMultiQueue;
  if (shape.limits.readonly) {
    model.features |= blk_feature::kReadOnly;
  } else {
    model.features |= blk_feature::kWriteZeroes;
    if (shape.limits.can_discard) model.features |= blk_feature::kDiscard;
  }
  if (shape.guest_chooses) {
    model.features |= blk_feature::kConfigWce;
    model.needs = {{blk_feature::kConfigWce, blk_feature::kFlush}};
    model.writable = {{kWritebackAt, 1}};
  }
  model.config.resize(60);
  const auto put = [&](size_t at, auto value) {
    base::StoreLe(std::span(model.config), at, value);
  };
  put(0, shape.limits.sectors);
  put(12, static_cast<uint32_t>(kMostSegments));
  put(20, shape.block_size);
  // Physical blocks, as a power of two of logical ones; nothing is misaligned.
  const uint32_t ratio = shape.physical_size / shape.block_size;
  put(24, static_cast<uint8_t>(ratio > 1 ? std::bit_width(ratio) - 1 : 0));
  put(26, static_cast<uint16_t>(ratio > 1 ? ratio : 1));
  put(kWritebackAt, static_cast<uint8_t>(shape.guest_chooses && shape.writeback));
  put(34, static_cast<uint16_t>(shape.queues));
  put(36, kMostDiscardSectors);
  put(40, static_cast<uint32_t>(kMostDiscards));
  put(44, shape.physical_size / static_cast<uint32_t>(kSectorBytes));
  put(48, kMostDiscardSectors);
  put(52, static_cast<uint32_t>(kMostDiscards));
  put(56, static_cast<uint8_t>(shape.limits.can_discard));
  return model;
}

}  // namespace vmm::virtio
