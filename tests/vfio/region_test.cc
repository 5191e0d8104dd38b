#include "vfio/region.h"

#include <gmock/gmock.h>

#include <cstring>
#include <random>

#include "sysfs/base/address.h"
#include "sysfs/base/bits.h"
#include "tests/support/matchers.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kReadWriteMap =
    VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP;

std::vector<std::byte> Info(uint64_t size, uint32_t flags, uint64_t offset = 0,
                            uint32_t cap_offset = 0) {
  ::vfio_region_info info{};
  info.argsz = sizeof info;
  info.index = 2;
  info.flags = flags;
  info.size = size;
  info.offset = offset;
  info.cap_offset = cap_offset;
  std::vector<std::byte> reply(sizeof info);
  std::memcpy(reply.data(), &info, sizeof info);
  return reply;
}

std::vector<std::byte> Sparse(uint64_t size, const std::vector<Area>& areas) {
  std::vector<std::byte> reply = Info(size, kReadWriteMap | VFIO_REGION_INFO_FLAG_CAPS, 0, 32);
  reply.resize(32 + 16 + 16 * areas.size());
  base::StoreLe<uint16_t>(reply, 32, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
  base::StoreLe<uint32_t>(reply, 40, static_cast<uint32_t>(areas.size()));
  for (size_t i = 0; i < areas.size(); ++i) {
    base::StoreLe<uint64_t>(reply, 48 + 16 * i, areas[i].offset);
    base::StoreLe<uint64_t>(reply, 56 + 16 * i, areas[i].size);
  }
  return reply;
}

TEST(ParseRegionInfo, RefusesAShortReply) {
  EXPECT_THAT(ParseRegionInfo({}), FailsWith(Code::kKernel));
  const auto reply = Info(0x1000, 0);
  EXPECT_THAT(ParseRegionInfo(std::span(reply).first(31)), FailsWith(Code::kKernel));
}

TEST(ParseRegionInfo, RefusesASizeBehindTheEndOfAnyFile) {
  EXPECT_THAT(ParseRegionInfo(Info(UINT64_MAX, kReadWriteMap)),
              FailsWith(Code::kKernel, HasSubstr("region 2")));
  EXPECT_THAT(ParseRegionInfo(Info(0x1000, 0, UINT64_MAX - 0xfff)), FailsWith(Code::kKernel));
}

TEST(ParseRegionInfo, RefusesAChainOutsideOfTheReply) {
  EXPECT_THAT(ParseRegionInfo(Info(0x1000, VFIO_REGION_INFO_FLAG_CAPS, 0, 32)),
              FailsWith(Code::kKernel));
}

TEST(ParseRegionInfo, RefusesAnAreaOutsideOfTheRegion) {
  EXPECT_THAT(ParseRegionInfo(Sparse(0x4000, {{0x3000, 0x2000}})),
              FailsWith(Code::kKernel, HasSubstr("0x3000")));
  EXPECT_THAT(ParseRegionInfo(Sparse(0x4000, {{UINT64_MAX - 0xfff, 0x1000}})),
              FailsWith(Code::kKernel));
}

TEST(ParseRegionInfo, RefusesOverlappingAreas) {
  EXPECT_THAT(ParseRegionInfo(Sparse(0x4000, {{0x1000, 0x2000}, {0x2000, 0x1000}})),
              FailsWith(Code::kKernel, HasSubstr("overlap")));
}

TEST(ParseRegionInfo, ReadsFlagsAndPlace) {
  const auto region = ParseRegionInfo(Info(0x4000, VFIO_REGION_INFO_FLAG_READ, 7ull << 40));
  ASSERT_THAT(region, IsOk());
  EXPECT_EQ(region->index, 2u);
  EXPECT_EQ(region->size, 0x4000u);
  EXPECT_EQ(region->file_offset, 7ull << 40);
  EXPECT_TRUE(region->readable);
  EXPECT_FALSE(region->writable);
  EXPECT_FALSE(region->mappable);
  EXPECT_THAT(region->areas, IsEmpty());
}

TEST(ParseRegionInfo, AWholeRegionIsOneArea) {
  const auto region = ParseRegionInfo(Info(0x4000, kReadWriteMap));
  ASSERT_THAT(region, IsOk());
  EXPECT_THAT(region->areas, ElementsAre(Area{0, 0x4000}));
}

TEST(ParseRegionInfo, ASmallRegionHasItsPageWhereTheKernelOffersIt) {
  const auto tiny = ParseRegionInfo(Info(0x100, kReadWriteMap));
  ASSERT_THAT(tiny, IsOk());
  EXPECT_THAT(tiny->areas, ElementsAre(Area{0, 0x1000}));
  EXPECT_THAT(ParseRegionInfo(Info(0x100, VFIO_REGION_INFO_FLAG_READ))->areas, IsEmpty());
  EXPECT_THAT(ParseRegionInfo(Info(0, kReadWriteMap))->areas, IsEmpty());
  EXPECT_THAT(ParseRegionInfo(Sparse(0x100, {{0, 0x100}}))->areas, IsEmpty());
}

TEST(ParseRegionInfo, OnlyWholePagesAreAreas) {
  const auto odd = ParseRegionInfo(Sparse(0x4000, {{0x800, 0x1900}}));
  ASSERT_THAT(odd, IsOk());
  EXPECT_THAT(odd->areas, ElementsAre(Area{0x1000, 0x1000}));
}

TEST(ParseRegionInfo, AreasAreSorted) {
  const auto region = ParseRegionInfo(Sparse(0x8000, {{0x4000, 0x1000}, {0, 0x2000}}));
  ASSERT_THAT(region, IsOk());
  EXPECT_THAT(region->areas, ElementsAre(Area{0, 0x2000}, Area{0x4000, 0x1000}));
}

TEST(ParseRegionInfo, AnEmptySparseListMapsNothing) {
  const auto region = ParseRegionInfo(Sparse(0x4000, {}));
  ASSERT_THAT(region, IsOk());
  EXPECT_TRUE(region->mappable);
  EXPECT_THAT(region->areas, IsEmpty());
}

TEST(ParseRegionInfo, KnowsThatTheMsixTableIsMappable) {
  auto reply = Info(0x4000, kReadWriteMap | VFIO_REGION_INFO_FLAG_CAPS, 0, 32);
  reply.resize(40);
  base::StoreLe<uint16_t>(reply, 32, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
  const auto region = ParseRegionInfo(reply);
  ASSERT_THAT(region, IsOk());
  EXPECT_TRUE(region->msix_mappable);
  EXPECT_THAT(region->areas, ElementsAre(Area{0, 0x4000}));
}

TEST(ParseRegionInfo, RandomRepliesGiveSaneRegionsOrErrors) {
  std::mt19937_64 random(2);
  unsigned accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    std::vector<Area> areas(random() % 5);
    const uint64_t size = random() >> (random() % 64);
    for (Area& area : areas) area = {random() >> (random() % 64), random() >> (random() % 64)};
    std::vector<std::byte> reply = Sparse(size, areas);
    for (uint64_t i = random() % 4; i > 0; --i)
      reply[random() % reply.size()] = static_cast<std::byte>(random());
    reply.resize(random() % 8 == 0 ? random() % reply.size() : reply.size());

    const auto region = ParseRegionInfo(reply);
    if (!region) continue;
    ++accepted;
    ASSERT_LE(region->areas.size() * 16, reply.size());
    uint64_t end = 0;
    for (const Area& area : region->areas) {
      ASSERT_GT(area.size, 0u);
      ASSERT_EQ((area.offset | area.size) % base::kPageSize, 0u);
      ASSERT_GE(area.offset, end);
      end = area.offset + area.size;
      ASSERT_LE(end, base::AlignUp(region->size, base::kPageSize));
    }
  }
  EXPECT_GT(accepted, 500u);
}

}  // namespace
}  // namespace vfio
