#include "vmm/virtio/transport/common_config.h"

#include <gmock/gmock.h>

namespace vmm::virtio {
namespace {

using Kind = RegisterEffect::Kind;

DeviceModel Model() {
  DeviceModel model;
  model.features = 0x5;
  model.queue_sizes = {256, 64};
  model.packed = true;
  return model;
}

class CommonConfigTest : public testing::Test {
 protected:
  uint64_t Read(uint64_t offset, Width width) { return registers_.Read(offset, width); }
  RegisterEffect Write(uint64_t offset, Width width, uint64_t value) {
    return registers_.Write(offset, width, value);
  }
  void Negotiate(uint64_t features) {
    for (const unsigned word : {0u, 1u}) {
      Write(8, Width::k4, word);
      Write(12, Width::k4, features >> (32 * word) & 0xffffffff);
    }
  }
  uint8_t Status() { return static_cast<uint8_t>(Read(20, Width::k1)); }
  RegisterEffect SetStatus(uint8_t value) { return Write(20, Width::k1, value); }

  CommonConfig registers_{Model(), 3};
};

TEST_F(CommonConfigTest, FeaturesAreWordsAndOthersAreZero) {
  EXPECT_EQ(Read(4, Width::k4), 0x30000005u);
  Write(0, Width::k4, 1);
  EXPECT_EQ(Read(4, Width::k4), 0x00000105u);
  for (const uint32_t word : {2u, 3u, 0xffffffffu}) {
    Write(0, Width::k4, word);
    Write(8, Width::k4, word);
    Write(12, Width::k4, 0xffffffff);
    EXPECT_EQ(Read(4, Width::k4), 0u);
    EXPECT_EQ(Read(12, Width::k4), 0u);
  }
  EXPECT_EQ(registers_.features(), 0u);
}

TEST_F(CommonConfigTest, FeaturesAreJudgedAtFeaturesOk) {
  Negotiate(0x1);  // without VERSION_1
  SetStatus(11);
  EXPECT_EQ(Status(), 3);
  Negotiate(feature::kVersion1 | 0x2);  // not offered
  SetStatus(11);
  EXPECT_EQ(Status(), 3);
  Negotiate(feature::kVersion1 | 0x4);
  SetStatus(11);
  EXPECT_EQ(Status(), 11);
  Negotiate(feature::kVersion1);  // too late
  EXPECT_EQ(registers_.features(), feature::kVersion1 | 0x4);
}

TEST_F(CommonConfigTest, DriverOkNeedsFeaturesOk) {
  EXPECT_EQ(SetStatus(7), RegisterEffect{});
  EXPECT_EQ(Status(), 3);
  Negotiate(feature::kVersion1);
  EXPECT_EQ(SetStatus(15).kind, Kind::kStart);
  EXPECT_EQ(Status(), 15);
  EXPECT_EQ(SetStatus(15), RegisterEffect{}) << "only once";
  EXPECT_EQ(SetStatus(1), RegisterEffect{}) << "bits are not taken back";
  EXPECT_EQ(Status(), 15);
  EXPECT_EQ(SetStatus(0x40 | 15), RegisterEffect{}) << "the device's own";
  EXPECT_EQ(Status(), 15);
  EXPECT_EQ(SetStatus(0).kind, Kind::kReset);
  EXPECT_EQ(Status(), 15) << "until it is performed";
  registers_.Reset();
  EXPECT_EQ(Status(), 0);
}

TEST_F(CommonConfigTest, QueuesAreFrozenAtDriverOk) {
  Write(24, Width::k2, 128);
  Write(32, Width::k8, 0x123456789abc0000);
  Write(44, Width::k4, 0x11);  // high half first
  Write(40, Width::k4, 0x22);
  EXPECT_EQ(Write(28, Width::k2, 1), RegisterEffect{});
  Negotiate(feature::kVersion1 | feature::kRingReset);
  SetStatus(15);
  Write(24, Width::k2, 64);
  Write(32, Width::k4, 0);
  const QueueRegisters& queue = registers_.queues()[0];
  EXPECT_EQ(queue.setup.size, 128);
  EXPECT_EQ(queue.setup.descriptors, 0x123456789abc0000u);
  EXPECT_EQ(queue.setup.driver, 0x1100000022u);
  EXPECT_EQ(Read(28, Width::k2), 1u);
}

TEST_F(CommonConfigTest, AQueueIsSetUpAnewAfterItsReset) {
  Write(28, Width::k2, 1);
  EXPECT_EQ(Write(58, Width::k2, 1), RegisterEffect{}) << "not negotiated";
  Negotiate(feature::kVersion1 | feature::kRingReset);
  SetStatus(15);
  EXPECT_EQ(Write(58, Width::k2, 1), (RegisterEffect{Kind::kQueueReset, 0}));
  EXPECT_EQ(Read(58, Width::k2), 1u);
  EXPECT_EQ(Write(58, Width::k2, 1), RegisterEffect{}) << "in progress";
  Write(24, Width::k2, 32);
  registers_.FinishQueueReset(0);
  EXPECT_EQ(Read(58, Width::k2), 0u);
  EXPECT_EQ(Read(28, Width::k2), 0u);
  EXPECT_EQ(Read(24, Width::k2), 256u);
  Write(24, Width::k2, 32);
  EXPECT_EQ(Read(24, Width::k2), 32u);
  EXPECT_EQ(Write(28, Width::k2, 1), (RegisterEffect{Kind::kQueueStart, 0}));
  Write(24, Width::k2, 64);
  EXPECT_EQ(Read(24, Width::k2), 32u) << "frozen again";
  // One that was off at DRIVER_OK stays so.
  Write(22, Width::k2, 1);
  EXPECT_EQ(Write(28, Width::k2, 1), RegisterEffect{});
}

TEST_F(CommonConfigTest, ImpossibleSizesAndVectorsAreNotTaken) {
  for (const uint64_t size : {0u, 3u, 512u, 0xffffu}) {
    Write(24, Width::k2, size);
    EXPECT_EQ(Read(24, Width::k2), 256u) << size;
  }
  Write(26, Width::k2, 2);
  EXPECT_EQ(Read(26, Width::k2), 2u);
  Write(26, Width::k2, 3);
  EXPECT_EQ(Read(26, Width::k2), 0xffffu);
  Write(16, Width::k2, 1);
  EXPECT_EQ(Read(16, Width::k2), 1u);
  Write(16, Width::k2, 0x7fff);
  EXPECT_EQ(Read(16, Width::k2), 0xffffu);
  Negotiate(feature::kVersion1 | feature::kRingPacked);
  Write(24, Width::k2, 3);
  EXPECT_EQ(Read(24, Width::k2), 3u) << "of a packed ring any";
}

TEST_F(CommonConfigTest, AQueueThatIsNotThereReadsAsOff) {
  EXPECT_EQ(Read(18, Width::k2), 2u);
  for (const uint64_t queue : {2u, 0xffffu}) {
    Write(22, Width::k2, queue);
    Write(28, Width::k2, 1);
    Write(32, Width::k8, 0x1000);
    EXPECT_EQ(Read(24, Width::k2), 0u);
    EXPECT_EQ(Read(26, Width::k2), 0xffffu);
    EXPECT_EQ(Read(28, Width::k2), 0u);
    EXPECT_EQ(Read(32, Width::k8), 0u);
  }
}

TEST_F(CommonConfigTest, AnyReadIsASliceAndOnlyExactWritesCount) {
  Write(32, Width::k8, 0x8877665544332211);
  EXPECT_EQ(Read(33, Width::k2), 0x3322u);
  EXPECT_EQ(Read(18, Width::k4), 0x0002u);
  EXPECT_EQ(Read(59, Width::k4), 0u);
  EXPECT_EQ(Read(60, Width::k8), 0u);
  EXPECT_EQ(Read(4095, Width::k8), 0u);
  Write(20, Width::k2, 1);
  Write(19, Width::k2, 0x100);
  Write(32, Width::k2, 0);
  Write(36, Width::k8, 0);
  EXPECT_EQ(Status(), 0);
  EXPECT_EQ(Read(32, Width::k8), 0x8877665544332211u);
}

TEST_F(CommonConfigTest, TheGenerationChangesWhenAChangeIsRead) {
  EXPECT_EQ(Read(21, Width::k1), 0u);
  for (unsigned i = 0; i < 256; ++i) registers_.NoteChange();
  EXPECT_EQ(Read(21, Width::k1), 0u);
  registers_.NoteConfigRead();
  registers_.NoteConfigRead();
  EXPECT_EQ(Read(21, Width::k1), 1u);
}

}  // namespace
}  // namespace vmm::virtio
