// Requests to a virtio disk as a driver may make them, right ones and others, and what should
// become of each (virtio 1.2, 5.2.6).
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "tests/fuzz/one_queue.h"
#include "vmm/virtio/blk/request.h"

namespace test {

// Each request in progress has a part of the guest's memory.
inline constexpr size_t kBlkSlots = 4;
inline constexpr uint64_t kBlkSlotBytes = 0x1c00;
// Behind them is what several may use, one at a time.
inline uint64_t BlkSlotAt(size_t slot) { return OneQueue::kData + slot * kBlkSlotBytes; }

struct ModelRequest {
  std::vector<VirtioDriver::Piece> pieces;
  std::vector<std::byte> sent;
  // The guest's address of each byte.
  std::vector<uint64_t> readable;
  std::vector<uint64_t> writable;

  // What it is, or the answer that it gets at once.
  std::optional<vmm::virtio::BlkStatus> answer;
  vmm::virtio::BlkWork work = vmm::virtio::BlkWork::kGetId;
  std::vector<vmm::virtio::SectorRange> ranges;  // none empty
};

inline void Store(const ModelRequest& request, OneQueue& queue) {
  for (size_t i = 0; i < request.sent.size(); ++i) {
    const uint64_t address = request.readable[i];
    if (queue.IsRam(address, 1)) queue.at(address) = request.sent[i];
  }
}

struct BlkFacts {
  uint64_t sectors = 0;
  bool readonly = false;
};

inline void JudgeRanges(ModelRequest& request, const BlkFacts& facts, size_t known) {
  using vmm::virtio::BlkStatus;
  using vmm::virtio::BlkWork;
  const bool discards = request.work == BlkWork::kDiscard;
  const size_t bytes = request.sent.size() - 16;
  request.answer = discards && facts.readonly ? BlkStatus::kUnsupported : BlkStatus::kError;
  if (facts.readonly || bytes == 0 || bytes % 16 != 0 || bytes > 16 * 16) return;
  std::vector<vmm::virtio::SectorRange> ranges;
  for (size_t at = 16; at < request.sent.size(); at += 16) {
    if (known < at + 16) return;
    uint64_t sector = 0;
    uint32_t count = 0, flags = 0;
    std::memcpy(&sector, &request.sent[at], sizeof sector);
    std::memcpy(&count, &request.sent[at + 8], sizeof count);
    std::memcpy(&flags, &request.sent[at + 12], sizeof flags);
    request.answer = BlkStatus::kUnsupported;
    if ((flags & ~1u) != 0 || (discards && flags != 0)) return;
    request.answer = BlkStatus::kError;
    if (sector > facts.sectors || count > facts.sectors - sector) return;
    if (count != 0) ranges.push_back({sector * 512, uint64_t{count} * 512, flags != 0});
  }
  request.answer = std::nullopt;
  if (ranges.empty()) request.answer = BlkStatus::kOk;
  request.ranges = std::move(ranges);
}

inline void JudgeTransfer(ModelRequest& request, const BlkFacts& facts, uint64_t sector,
                          size_t size, bool all_ram) {
  using vmm::virtio::BlkStatus;
  const bool writes = request.work == vmm::virtio::BlkWork::kWrite;
  request.answer = BlkStatus::kError;
  if ((writes && facts.readonly) || size % 512 != 0) return;
  if (sector > facts.sectors || size / 512 > facts.sectors - sector) return;
  if (size == 0) request.answer = BlkStatus::kOk;
  if (size == 0 || !all_ram) return;
  request.answer = std::nullopt;
  request.ranges = {{sector * 512, size, false}};
}

// Fills in what follows from its bytes.
inline void Judge(ModelRequest& request, const BlkFacts& facts, const OneQueue& queue) {
  using vmm::virtio::BlkStatus;
  using vmm::virtio::BlkWork;
  const auto leading = [&](const std::vector<uint64_t>& run) {
    const auto end = std::find_if(run.begin(), run.end(),
                                  [&](uint64_t address) { return !queue.IsRam(address, 1); });
    return static_cast<size_t>(end - run.begin());
  };
  const size_t known = leading(request.readable), room = leading(request.writable);
  request.answer = BlkStatus::kError;
  request.ranges.clear();
  if (known < 16 || request.writable.empty()) return;
  const size_t in = request.writable.size() - 1;
  uint32_t type = 0;
  uint64_t sector = 0;
  std::memcpy(&type, request.sent.data(), sizeof type);
  std::memcpy(&sector, &request.sent[8], sizeof sector);
  switch (type) {
    case 0:
      request.work = BlkWork::kRead;
      return JudgeTransfer(request, facts, sector, in, room >= in);
    case 1:
      request.work = BlkWork::kWrite;
      return JudgeTransfer(request, facts, sector, request.sent.size() - 16,
                           known == request.sent.size());
    case 4:
      request.work = BlkWork::kFlush;
      request.answer = std::nullopt;
      return;
    case 8:
      request.work = BlkWork::kGetId;
      if (in >= 20 && room >= 20) request.answer = BlkStatus::kOk;
      return;
    case 11:
    case 13:
      request.work = type == 11 ? BlkWork::kDiscard : BlkWork::kZero;
      return JudgeRanges(request, facts, known);
    default:
      request.answer = BlkStatus::kUnsupported;
  }
}

}  // namespace test
