#include "vmm/virtio/guest_ram.h"

#include <gmock/gmock.h>

#include <array>
#include <cstring>

#include "vmm/virtio/queue/chain.h"

namespace vmm::virtio {
namespace {

// Two regions side by side, and one alone.
class GuestRamTest : public testing::Test {
 protected:
  std::vector<std::byte> low_ = std::vector<std::byte>(0x1000);
  std::vector<std::byte> middle_ = std::vector<std::byte>(0x1000);
  std::vector<std::byte> high_ = std::vector<std::byte>(0x1000);
  GuestRam ram_{{{0x1000, low_}, {0x2000, middle_}, {0x8000, high_}}};
};

TEST_F(GuestRamTest, NothingIsThereButRam) {
  std::array<std::byte, 8> bytes{};
  EXPECT_TRUE(ram_.Read(0x1000, bytes));
  EXPECT_TRUE(ram_.Read(0x1ffc, bytes));  // over the border
  EXPECT_TRUE(ram_.Read(0x8ff8, bytes));
  for (const uint64_t address :
       {uint64_t{0}, uint64_t{0xffc}, uint64_t{0x2ffc}, uint64_t{0x5000}, uint64_t{0x7ffc},
        uint64_t{0x8ff9}, uint64_t{0x9000}, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 8}) {
    EXPECT_FALSE(ram_.Read(address, bytes)) << address;
    EXPECT_FALSE(ram_.Write(address, bytes)) << address;
    std::vector<iovec> iovecs;
    EXPECT_FALSE(ram_.Append(address, 8, Use::kWrite, iovecs)) << address;
    EXPECT_TRUE(iovecs.empty());
  }
  std::vector<iovec> iovecs;
  EXPECT_FALSE(ram_.Append(0x1000, UINT64_MAX, Use::kRead, iovecs));
  EXPECT_FALSE(ram_.Append(0x1000, UINT64_MAX - 0x1000, Use::kRead, iovecs));
}

TEST_F(GuestRamTest, ARefusedWriteChangesNothing) {
  const std::array<std::byte, 8> ones = {std::byte{1}, std::byte{1}};
  EXPECT_FALSE(ram_.Write(0x2ffc, ones));
  EXPECT_EQ(middle_[0xffc], std::byte{0});
}

TEST_F(GuestRamTest, AValueIsAlignedAndInOneRegion) {
  ASSERT_TRUE(ram_.Store<uint32_t>(0x1ffc, 0x12345678));
  EXPECT_EQ(ram_.Load<uint32_t>(0x1ffc), 0x12345678u);
  EXPECT_EQ(ram_.Load<uint16_t>(0x1ffe), 0x1234);
  EXPECT_EQ(ram_.Load<uint32_t>(0x1ffe), std::nullopt);
  EXPECT_EQ(ram_.Load<uint16_t>(0x3000), std::nullopt);
  EXPECT_FALSE(ram_.Store<uint16_t>(0x1001, 1));
  EXPECT_FALSE(ram_.Store<uint64_t>(0x1ffc, 1));
}

TEST_F(GuestRamTest, ARingIsInOneRegion) {
  EXPECT_TRUE(ram_.Contains(0x1000, 0x1000));
  EXPECT_FALSE(ram_.Contains(0x1000, 0x1001));
  EXPECT_FALSE(ram_.Contains(0x1ff0, 0x20));
  EXPECT_FALSE(ram_.Contains(0x8000, UINT64_MAX));
}

TEST_F(GuestRamTest, ABufferAcrossRegionsIsTwoIovecs) {
  std::vector<iovec> iovecs;
  ASSERT_TRUE(ram_.Append(0x1ff0, 0x20, Use::kWrite, iovecs));
  ASSERT_EQ(iovecs.size(), 2u);
  EXPECT_EQ(iovecs[0].iov_base, &low_[0xff0]);
  EXPECT_EQ(iovecs[1].iov_base, middle_.data());
  EXPECT_EQ(iovecs[1].iov_len, 0x10u);
}

TEST_F(GuestRamTest, BuffersAreOneRunOfBytes) {
  const Buffers buffers = {{0x1ffe, 4}, {0x8000, 1}, {0x1000, 3}};
  const std::array<std::byte, 8> sent = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                         std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
  EXPECT_EQ(TotalSize(buffers), 8u);
  ASSERT_TRUE(CopyTo(ram_, buffers, 0, sent));
  EXPECT_EQ(middle_[1], std::byte{4});
  EXPECT_EQ(high_[0], std::byte{5});
  std::array<std::byte, 4> part{};
  ASSERT_TRUE(CopyFrom(ram_, buffers, 3, part));
  EXPECT_EQ(std::memcmp(part.data(), sent.data() + 3, part.size()), 0);
  EXPECT_FALSE(CopyFrom(ram_, buffers, 5, part));  // the run is shorter
  EXPECT_FALSE(CopyFrom(ram_, buffers, UINT64_MAX, part));
  std::vector<iovec> iovecs;
  ASSERT_TRUE(AppendIovecs(ram_, buffers, 1, 6, Use::kWrite, iovecs));
  EXPECT_EQ(iovecs.size(), 4u);
  EXPECT_FALSE(AppendIovecs(ram_, {{{0x9000, 4}}}, 0, 4, Use::kWrite, iovecs));
}

}  // namespace
}  // namespace vmm::virtio
