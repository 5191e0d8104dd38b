#include <gmock/gmock.h>

#include <cstring>

#include "sysfs/base/bits.h"
#include "vmm/virtio/blk/request.h"

namespace vmm::virtio {
namespace {

constexpr uint64_t kBase = 0x100000;

class BlkRequestTest : public testing::Test {
 protected:
  // A chain whose readable bytes are a header and `data`, in buffers of `cut` bytes.
  void Make(uint32_t type, uint64_t sector, std::span<const std::byte> data, uint64_t writable,
            uint32_t cut = 4096) {
    std::vector<std::byte> readable(16 + data.size());
    base::StoreLe(std::span(readable), 0, type);
    base::StoreLe(std::span(readable), 8, sector);
    std::copy(data.begin(), data.end(), readable.begin() + 16);
    std::copy(readable.begin(), readable.end(), bytes_.begin());
    chain_.Clear();
    for (uint64_t at = 0; at < readable.size(); at += cut) {
      chain_.readable.push_back(
          {kBase + at, static_cast<uint32_t>(std::min<uint64_t>(cut, readable.size() - at))});
    }
    for (uint64_t at = 0; at < writable; at += cut) {
      chain_.writable.push_back(
          {kBase + 0x8000 + at, static_cast<uint32_t>(std::min<uint64_t>(cut, writable - at))});
    }
  }
  void MakeRange(uint32_t type, uint64_t sector, uint32_t count, uint32_t flags,
                 size_t bytes = 16) {
    std::vector<std::byte> data(bytes);
    for (size_t at = 0; at + 16 <= bytes; at += 16) {
      base::StoreLe(std::span(data), at, sector);
      base::StoreLe(std::span(data), at + 8, count);
      base::StoreLe(std::span(data), at + 12, flags);
    }
    Make(type, 0, data, 1);
  }
  BlkParsed Parse() { return ParseBlk(ram_, chain_, limits_); }
  std::optional<BlkStatus> Refused() {
    const BlkParsed parsed = Parse();
    return parsed.request ? std::optional<BlkStatus>() : parsed.status;
  }

  std::vector<std::byte> bytes_ = std::vector<std::byte>(0x10000);
  GuestRam ram_{{{kBase, bytes_}}};
  Chain chain_;
  BlkLimits limits_{100, false, true};
};

TEST_F(BlkRequestTest, BordersOfBuffersMeanNothing) {
  for (const uint32_t cut : {1u, 3u, 16u, 17u, 4096u}) {
    Make(0, 99, {}, 513, cut);
    BlkParsed parsed = Parse();
    ASSERT_TRUE(parsed.request) << cut;
    EXPECT_EQ(parsed.request->work, BlkWork::kRead);
    EXPECT_EQ(parsed.request->ranges, (std::vector<SectorRange>{{99 * 512, 512, false}}));
    EXPECT_EQ(parsed.status_at, 512u);
    Make(1, 98, std::vector<std::byte>(1024), 1, cut);
    parsed = Parse();
    ASSERT_TRUE(parsed.request) << cut;
    EXPECT_EQ(parsed.request->work, BlkWork::kWrite);
    EXPECT_EQ(parsed.request->data, 16u);
    EXPECT_EQ(parsed.status_at, 0u);
  }
}

TEST_F(BlkRequestTest, NothingIsOutsideOfTheDisk) {
  for (const uint64_t sector : {uint64_t{100}, uint64_t{101}, UINT64_MAX, UINT64_MAX / 512,
                                UINT64_MAX / 512 + 1, uint64_t{1} << 55}) {
    Make(0, sector, {}, 513);
    EXPECT_EQ(Refused(), BlkStatus::kError) << sector;
  }
  Make(0, 99, {}, 1025);
  EXPECT_EQ(Refused(), BlkStatus::kError);
  Make(0, 0, {}, 512);  // 511 bytes and the status
  EXPECT_EQ(Refused(), BlkStatus::kError);
  Make(0, 100, {}, 1);
  EXPECT_EQ(Refused(), std::nullopt) << "no bytes at the end";
}

TEST_F(BlkRequestTest, WhatHasNoRoomForAStatusHasNone) {
  Make(1, 0, std::vector<std::byte>(512), 0);
  EXPECT_FALSE(Parse().status_at);
  Make(0, 0, {}, 513);
  chain_.readable.front().size = 15;
  EXPECT_EQ(Refused(), BlkStatus::kError);
  EXPECT_EQ(Parse().status_at, 512u);
  chain_.readable.front() = {0x10, 16};  // no RAM
  EXPECT_EQ(Refused(), BlkStatus::kError);
}

TEST_F(BlkRequestTest, UnknownTypesAreUnsupported) {
  for (const uint32_t type : {2u, 3u, 5u, 7u, 9u, 10u, 14u, 0x80000001u, UINT32_MAX}) {
    Make(type, 0, {}, 513);
    EXPECT_EQ(Refused(), BlkStatus::kUnsupported) << type;
  }
}

TEST_F(BlkRequestTest, ReadOnlyDisksAreNotWritten) {
  limits_.readonly = true;
  limits_.can_discard = false;
  Make(1, 0, std::vector<std::byte>(512), 1);
  EXPECT_EQ(Refused(), BlkStatus::kError);
  MakeRange(13, 0, 1, 0);
  EXPECT_EQ(Refused(), BlkStatus::kError);
  MakeRange(11, 0, 1, 0);
  EXPECT_EQ(Refused(), BlkStatus::kUnsupported);
  Make(4, 0, {}, 1);
  EXPECT_EQ(Refused(), std::nullopt);
}

TEST_F(BlkRequestTest, RangesAreCheckedOneByOne) {
  MakeRange(13, 10, 90, 1, 48);
  const BlkParsed parsed = Parse();
  ASSERT_TRUE(parsed.request);
  EXPECT_EQ(parsed.request->ranges.size(), 3u);
  EXPECT_EQ(parsed.request->ranges[2], (SectorRange{5120, 46080, true}));
  MakeRange(11, 0, 1, 1);
  EXPECT_EQ(Refused(), BlkStatus::kUnsupported) << "to unmap is what a discard does";
  MakeRange(13, 0, 1, 2);
  EXPECT_EQ(Refused(), BlkStatus::kUnsupported);
  for (const auto& [sector, count] : std::vector<std::pair<uint64_t, uint32_t>>{
           {0, 101}, {100, 1}, {UINT64_MAX, 1}, {99, UINT32_MAX}, {1, kMostDiscardSectors + 1}}) {
    MakeRange(11, sector, count, 0);
    EXPECT_EQ(Refused(), BlkStatus::kError) << sector;
  }
  for (const size_t bytes : {size_t{0}, size_t{15}, size_t{17}, size_t{16 * (kMostDiscards + 1)}}) {
    MakeRange(11, 0, 1, 0, bytes);
    EXPECT_EQ(Refused(), BlkStatus::kError) << bytes;
  }
}

TEST_F(BlkRequestTest, TheConfigurationHasAFieldForEachFeature) {
  BlkShape shape;
  shape.limits = {0x123456789, false, true};
  shape.block_size = 512;
  shape.physical_size = 4096;
  shape.queues = 3;
  const DeviceModel model = BlkModel(shape);
  EXPECT_EQ(model.queue_sizes.size(), 3u);
  EXPECT_EQ(model.config.size(), 60u);
  const std::span config(model.config);
  EXPECT_EQ(base::LoadLe<uint64_t>(config, 0), 0x123456789u);
  EXPECT_EQ(base::LoadLe<uint32_t>(config, 12), 254u);
  EXPECT_EQ(base::LoadLe<uint32_t>(config, 20), 512u);
  EXPECT_EQ(base::LoadLe<uint8_t>(config, 24), 3u);
  EXPECT_EQ(base::LoadLe<uint16_t>(config, 34), 3u);
  EXPECT_NE(model.features & blk_feature::kDiscard, 0u);
  shape.limits.readonly = true;
  EXPECT_EQ(BlkModel(shape).features & (blk_feature::kDiscard | blk_feature::kWriteZeroes), 0u);
  EXPECT_NE(BlkModel(shape).features & blk_feature::kReadOnly, 0u);
}

}  // namespace
}  // namespace vmm::virtio
