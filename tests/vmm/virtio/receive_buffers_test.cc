#include "vmm/virtio/net/receive_buffers.h"

#include <gmock/gmock.h>

#include "tests/support/net_function.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;

class ReceiveBuffersTest : public test::NetFunction {
 protected:
  ReceiveBuffersTest() { MakeStream(NetShape()); }
  // The number-th buffer, which has a place of its own.
  void Add(unsigned number, uint32_t size) {
    ASSERT_TRUE(drivers_[0]->Add({{At(number), size, true}}, 1, false));
    Kick(0);
  }
  static uint64_t At(unsigned number) { return kReceiveData + 0x800 * number; }
  bool Sends(const std::string& frame) { return PeerSends(Framed(frame)); }
  void HalfAFrame() {
    StartNet(net::kMergeBuffers);
    Add(0, 600);
    ASSERT_TRUE(Sends(frame_));
    OnIo([] {});
  }
  uint32_t Written() {
    uint32_t written = 9999;
    return Reaps(0, &written) ? written : 9999;
  }
  unsigned BuffersTold() {
    std::memcpy(&header_, &bytes_[kReceiveData - kBase], sizeof header_);
    return header_.buffers;
  }

  const std::string frame_ = test::FrameOf(std::string(500, 'a') + std::string(486, 'b'));
};

TEST_F(ReceiveBuffersTest, AFrameTakesAsManyAsItNeeds) {
  StartNet(net::kMergeBuffers);
  for (unsigned i = 0; i < 3; ++i) Add(i, 400);
  Add(3, 2048);
  ASSERT_TRUE(Sends(frame_));
  EXPECT_EQ(Written(), 400u);
  EXPECT_EQ(Written(), 400u);
  EXPECT_EQ(Written(), 212u);
  EXPECT_EQ(BuffersTold(), 3u);
  EXPECT_EQ(Get(At(0) + 12, 388) + Get(At(1), 400) + Get(At(2), 212), frame_);
  ASSERT_TRUE(Sends(test::FrameOf("short")));
  EXPECT_EQ(Written(), 12u + 14 + 5);
  EXPECT_EQ(Counters().received, 2u);
}

TEST_F(ReceiveBuffersTest, TheGuestSeesNoneBeforeTheLast) {
  StartNet(net::kMergeBuffers);
  Add(0, 600);
  ASSERT_TRUE(Sends(frame_));
  OnIo([] {});
  OnIo([] {});
  EXPECT_FALSE(drivers_[0]->Reap());
  Add(1, 600);
  EXPECT_EQ(Written(), 600u);
  EXPECT_EQ(Written(), 412u);
  EXPECT_EQ(BuffersTold(), 2u);
  EXPECT_EQ(Get(At(0) + 12, 588) + Get(At(1), 412), frame_);
}

TEST_F(ReceiveBuffersTest, AllThatThereAreAreTooFew) {
  StartNet(net::kMergeBuffers);
  for (unsigned i = 0; i < 16; ++i) Add(i, 40);
  ASSERT_TRUE(Sends(frame_));
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(Written(), 0u);
  EXPECT_EQ(Counters().receive_drops, 1u);
  Add(0, 2048);
  ASSERT_TRUE(Sends(test::FrameOf("next")));
  EXPECT_EQ(Written(), 12u + 14 + 4);
}

TEST_F(ReceiveBuffersTest, OneThatIsNoRamOrHasNoRoomForAHeaderLosesTheFrame) {
  StartNet(net::kMergeBuffers);
  Add(0, 600);
  ASSERT_TRUE(drivers_[0]->Add({{0x10, 2048, true}}, 1, false));
  Kick(0);
  ASSERT_TRUE(Sends(frame_));
  EXPECT_EQ(Written(), 0u);
  EXPECT_EQ(Written(), 0u);
  Add(0, 11);
  ASSERT_TRUE(Sends(frame_));
  EXPECT_EQ(Written(), 0u);
  EXPECT_EQ(Counters().receive_drops, 2u);
}

TEST_F(ReceiveBuffersTest, AReadOnlyBufferHoldsNothing) {
  StartNet(net::kMergeBuffers);
  Add(0, 600);
  ASSERT_TRUE(drivers_[0]->Add({{At(1), 600, false}}, 1, false));
  Add(2, 600);
  ASSERT_TRUE(Sends(frame_));
  EXPECT_EQ(Written(), 600u);
  EXPECT_EQ(Written(), 0u);
  EXPECT_EQ(Written(), 412u);
  EXPECT_EQ(BuffersTold(), 3u);
}

TEST_F(ReceiveBuffersTest, WithoutMergingOneBufferHasToDo) {
  StartNet(0);
  Add(0, 600);
  ASSERT_TRUE(Sends(frame_));
  EXPECT_EQ(Written(), 0u);
  EXPECT_EQ(Counters().receive_drops, 1u);
}

TEST_F(ReceiveBuffersTest, AResetInTheMiddleBeginsTheFrameAgain) {
  HalfAFrame();
  Write(22, Width::k2, 0);
  Write(58, Width::k2, 1);
  EXPECT_TRUE(test::Eventually([&] { return Read(58, Width::k2) == 0; }));
  SetUp(0);
  Add(0, 2048);
  EXPECT_EQ(Written(), 12u + frame_.size());
  EXPECT_EQ(BuffersTold(), 1u);
  EXPECT_EQ(Get(At(0) + 12, frame_.size()), frame_);
}

TEST_F(ReceiveBuffersTest, ADeviceResetInTheMiddleToo) {
  HalfAFrame();
  StartNet(0);
  Add(0, 2048);
  EXPECT_EQ(Written(), 12u + frame_.size());
  EXPECT_EQ(Get(At(0) + 12, frame_.size()), frame_);
}

}  // namespace
}  // namespace vmm::virtio
