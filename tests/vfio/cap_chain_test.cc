#include "vfio/cap_chain.h"

#include <gmock/gmock.h>

#include <random>

#include "sysfs/base/bits.h"
#include "tests/support/matchers.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

constexpr size_t kFixed = 32;

// A reply of `size` bytes with {id, next} headers at the given offsets.
struct Header {
  size_t offset;
  uint16_t id;
  uint32_t next;
};
std::vector<std::byte> Reply(size_t size, const std::vector<Header>& headers) {
  std::vector<std::byte> reply(size);
  for (const Header& header : headers) {
    base::StoreLe<uint16_t>(reply, header.offset, header.id);
    base::StoreLe<uint16_t>(reply, header.offset + 2, 1);
    base::StoreLe<uint32_t>(reply, header.offset + 4, header.next);
  }
  return reply;
}

TEST(ListInfoCapabilities, RefusesAnOffsetInsideTheFixedPart) {
  EXPECT_THAT(ListInfoCapabilities(Reply(64, {}), 8, kFixed),
              FailsWith(Code::kKernel, HasSubstr("0x8")));
}

TEST(ListInfoCapabilities, RefusesAnOffsetBehindTheReply) {
  EXPECT_THAT(ListInfoCapabilities(Reply(64, {}), 64, kFixed), FailsWith(Code::kKernel));
  EXPECT_THAT(ListInfoCapabilities(Reply(64, {}), 57, kFixed), FailsWith(Code::kKernel));
  EXPECT_THAT(ListInfoCapabilities(Reply(64, {}), UINT32_MAX, kFixed), FailsWith(Code::kKernel));
}

TEST(ListInfoCapabilities, RefusesALoop) {
  EXPECT_THAT(ListInfoCapabilities(Reply(64, {{32, 1, 48}, {48, 2, 32}}), 32, kFixed),
              FailsWith(Code::kKernel));
  EXPECT_THAT(ListInfoCapabilities(Reply(64, {{32, 1, 32}}), 32, kFixed), FailsWith(Code::kKernel));
}

TEST(ListInfoCapabilities, RefusesOverlappingHeaders) {
  EXPECT_THAT(ListInfoCapabilities(Reply(64, {{32, 1, 36}}), 32, kFixed), FailsWith(Code::kKernel));
}

TEST(ListInfoCapabilities, CutsEachCapabilityAtTheNext) {
  const auto reply = Reply(72, {{32, 3, 40}, {40, 1, 0}});
  const auto found = ListInfoCapabilities(reply, 32, kFixed);
  ASSERT_THAT(found, IsOk());
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].id, 3);
  EXPECT_EQ((*found)[0].bytes.size(), 8u);
  EXPECT_EQ((*found)[1].id, 1);
  EXPECT_EQ((*found)[1].bytes.size(), 32u);
}

TEST(ListInfoCapabilities, NoChainIsEmpty) {
  const auto found = ListInfoCapabilities({}, 0, kFixed);
  ASSERT_THAT(found, IsOk());
  EXPECT_TRUE(found->empty());
}

TEST(ListCapabilityPairs, RefusesMoreEntriesThanFit) {
  auto reply = Reply(64, {{32, 1, 0}});
  base::StoreLe<uint32_t>(reply, 40, 2);
  const auto found = ListInfoCapabilities(reply, 32, kFixed);
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(ListCapabilityPairs((*found)[0]), FailsWith(Code::kKernel, HasSubstr("2 entries")));
  base::StoreLe<uint32_t>(reply, 40, UINT32_MAX);
  EXPECT_THAT(ListCapabilityPairs((*found)[0]), FailsWith(Code::kKernel));
}

TEST(ListCapabilityPairs, RefusesACapabilityWithoutCount) {
  const auto reply = Reply(40, {{32, 1, 0}});
  const auto found = ListInfoCapabilities(reply, 32, kFixed);
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(ListCapabilityPairs((*found)[0]), FailsWith(Code::kKernel));
}

TEST(ListCapabilityPairs, ReadsThePairs) {
  auto reply = Reply(64, {{32, 1, 0}});
  base::StoreLe<uint32_t>(reply, 40, 1);
  base::StoreLe<uint64_t>(reply, 48, 0x1000);
  base::StoreLe<uint64_t>(reply, 56, 0xfedfffff);
  const auto found = ListInfoCapabilities(reply, 32, kFixed);
  ASSERT_THAT(found, IsOk());
  const auto pairs = ListCapabilityPairs((*found)[0]);
  ASSERT_THAT(pairs, IsOk());
  ASSERT_EQ(pairs->size(), 1u);
  EXPECT_EQ((*pairs)[0].first, 0x1000u);
  EXPECT_EQ((*pairs)[0].second, 0xfedfffffu);
}

// Whatever the bytes are, the walk ends, and what it yields is inside them.
TEST(ListInfoCapabilities, RandomBytesStayInBounds) {
  std::mt19937 random(1);
  unsigned accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::byte> reply(32 + random() % 160);
    // Small values make offsets that are often valid.
    for (std::byte& byte : reply)
      byte = static_cast<std::byte>(random() % 4 == 0 ? random() % reply.size() : 0);
    const auto found = ListInfoCapabilities(reply, 32, kFixed);
    if (!found) continue;
    ++accepted;
    for (const InfoCapability& capability : *found) {
      ASSERT_GE(capability.bytes.data(), reply.data() + kFixed);
      ASSERT_LE(capability.bytes.data() + capability.bytes.size(), reply.data() + reply.size());
      const auto pairs = ListCapabilityPairs(capability);
      if (pairs) {
        ASSERT_LE(pairs->size() * 16, capability.bytes.size());
      }
    }
  }
  EXPECT_GT(accepted, 100u);
}

}  // namespace
}  // namespace vfio
