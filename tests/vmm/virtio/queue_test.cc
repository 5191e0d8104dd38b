#include "vmm/virtio/queue/queue.h"

#include <gmock/gmock.h>

#include <memory>

#include "tests/support/virtio_driver.h"

namespace vmm::virtio {
namespace {

using test::VirtioDriver;

constexpr uint64_t kBase = 0x100000;
constexpr uint64_t kData = kBase + 0x40000;

RingFeatures Features(unsigned bits) { return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0}; }

class QueueTest : public testing::TestWithParam<unsigned> {
 protected:
  QueueTest() { Start(8); }
  void Start(uint16_t size) {
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    driver_.emplace(bytes_, kBase, size, Features(GetParam()));
    const auto active = ActiveQueue::Check(driver_->setup(), Features(GetParam()), ram_);
    ASSERT_TRUE(active.has_value());
    queue_ = std::make_unique<Queue>(*active, ram_);
  }
  bool packed() const { return (GetParam() & 1) != 0; }
  Taken Take() { return queue_->Take(chain_); }

  std::vector<std::byte> bytes_ = std::vector<std::byte>(0x80000);
  GuestRam ram_{{{kBase, bytes_}}};
  std::optional<VirtioDriver> driver_;
  std::unique_ptr<Queue> queue_;
  Chain chain_;
};

INSTANTIATE_TEST_SUITE_P(Formats, QueueTest, testing::Range(0u, 8u));

TEST_P(QueueTest, GivesARequestAndTakesItBack) {
  EXPECT_EQ(Take(), Taken::kEmpty);
  ASSERT_TRUE(
      driver_->Add({{kData, 16, false}, {kData + 16, 0, true}, {kData + 32, 512, true}}, 77, true));
  ASSERT_EQ(Take(), Taken::kChain);
  EXPECT_EQ(chain_.readable, (Buffers{{kData, 16}}));
  EXPECT_EQ(chain_.writable, (Buffers{{kData + 32, 512}}));
  EXPECT_EQ(Take(), Taken::kEmpty);
  EXPECT_EQ(queue_->in_flight(), 1u);
  EXPECT_FALSE(driver_->Reap().has_value());
  queue_->Put(chain_, 500);
  EXPECT_FALSE(driver_->Reap()) << "before it was published";
  EXPECT_TRUE(queue_->Publish());
  const auto done = driver_->Reap();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->token, 77u);
  EXPECT_EQ(done->written, 500u);
  EXPECT_FALSE(queue_->Publish()) << "nothing new";
}

TEST_P(QueueTest, AChainMayFillTheRing) {
  for (unsigned round = 0; round < 5; ++round) {
    const std::vector<VirtioDriver::Piece> pieces(8, {kData, 1, false});
    ASSERT_TRUE(driver_->Add(pieces, round, false));
    ASSERT_EQ(Take(), Taken::kChain);
    EXPECT_EQ(chain_.readable.size(), 8u);
    queue_->Put(chain_, 0);
    queue_->Publish();
    ASSERT_TRUE(driver_->Reap());
  }
}

TEST_P(QueueTest, MoreThanWasThereIsNeverReported) {
  ASSERT_TRUE(driver_->Add({{kData, 16, false}, {kData, 4, true}}, 1, false));
  ASSERT_EQ(Take(), Taken::kChain);
  queue_->Put(chain_, 4096);
  queue_->Publish();
  EXPECT_EQ(driver_->Reap()->written, 4u);
}

TEST_P(QueueTest, ADisarmedGuestIsNotInterrupted) {
  driver_->Disarm();
  for (unsigned i = 0; i < 3; ++i) {
    ASSERT_TRUE(driver_->Add({{kData, 16, true}}, i, false));
    ASSERT_EQ(Take(), Taken::kChain);
    queue_->Put(chain_, 1);
    const bool interrupt = queue_->Publish();
    // With events in a split ring there is no real way not to be asked; the first is always told.
    if (i > 0 || !Features(GetParam()).event_idx) {
      EXPECT_FALSE(interrupt) << i;
    }
    ASSERT_TRUE(driver_->Reap());
  }
}

TEST_P(QueueTest, ArmFindsWhatCameBefore) {
  EXPECT_FALSE(queue_->Arm());
  ASSERT_TRUE(driver_->Add({{kData, 16, true}}, 1, false));
  EXPECT_TRUE(driver_->Kick());
  EXPECT_TRUE(queue_->Arm());
  queue_->Disarm();
  ASSERT_EQ(Take(), Taken::kChain);
  ASSERT_TRUE(driver_->Add({{kData, 16, true}}, 2, false));
  EXPECT_FALSE(driver_->Kick()) << "while the device is at work";
}

TEST_P(QueueTest, NegotiatedFeaturesDecideAboutIndirectTables) {
  const auto features = Features(GetParam());
  driver_.emplace(bytes_, kBase, uint16_t{8}, RingFeatures{features.packed, true, false});
  ASSERT_TRUE(driver_->Add({{kData, 16, true}}, 1, true));
  EXPECT_EQ(Take(), features.indirect ? Taken::kChain : Taken::kBroken);
  if (!features.indirect) {
    EXPECT_EQ(queue_->fault(), QueueFault::kBadIndirect);
  }
}

// What a guest may write into one descriptor, and what becomes of it.
TEST_P(QueueTest, BadChainsBreakTheQueue) {
  struct Case {
    uint64_t address;
    uint32_t size;
    uint16_t flags;
    uint16_t next;
    QueueFault fault;
  };
  std::vector<Case> cases = {
      {kData, 15, 4, 0, QueueFault::kBadIndirect},  // no whole descriptor
      {kData, 0, 4, 0, QueueFault::kBadIndirect},   // none at all
      {kBase + 0x80000, 16, 4, 0, QueueFault::kBadIndirect},
      {kBase + 0x7fff8, 16, 4, 0, QueueFault::kBadIndirect},
      {UINT64_MAX - 7, 16, 4, 0, QueueFault::kBadIndirect},
      {kData, 16, 5, 1, QueueFault::kBadIndirect},  // and more
  };
  if (!packed()) {
    cases.push_back({kData, 16, 1, 8, QueueFault::kBadNext});
    cases.push_back({kData, 16, 1, UINT16_MAX, QueueFault::kBadNext});
    cases.push_back({kData, 16, 1, 0, QueueFault::kLongChain});  // to itself
  }
  for (const Case& one : cases) {
    Start(8);
    const uint64_t at = driver_->setup().descriptors;
    ASSERT_TRUE(driver_->Add({{kData, 16, false}}, 1, false));
    // The first head is the first descriptor, of both formats.
    driver_->Store<uint64_t>(at, one.address);
    driver_->Store<uint32_t>(at + 8, one.size);
    driver_->Store<uint16_t>(at + (packed() ? 14 : 12),
                             static_cast<uint16_t>(one.flags | (packed() ? 0x80 : 0)));
    if (!packed()) driver_->Store<uint16_t>(at + 14, one.next);
    EXPECT_EQ(Take(), Taken::kBroken);
    EXPECT_EQ(queue_->fault(), one.fault) << one.flags << " " << one.size;
    EXPECT_EQ(Take(), Taken::kBroken) << "for good";
    EXPECT_FALSE(queue_->Arm());
  }
}

TEST_P(QueueTest, ATableInATableBreaksTheQueue) {
  if (!Features(GetParam()).indirect) return;
  ASSERT_TRUE(driver_->Add({{kData, 16, false}}, 1, true));
  const uint64_t at = driver_->setup().descriptors;
  const auto table = driver_->Load<uint64_t>(at);
  driver_->Store<uint16_t>(table + (packed() ? 14 : 12), 4);
  EXPECT_EQ(Take(), Taken::kBroken);
  EXPECT_EQ(queue_->fault(), QueueFault::kBadIndirect);
}

TEST_P(QueueTest, AReadableBufferBehindAWritableOneBreaksTheQueue) {
  ASSERT_TRUE(driver_->Add({{kData, 16, true}, {kData, 16, false}}, 1, false));
  EXPECT_EQ(Take(), Taken::kBroken);
  EXPECT_EQ(queue_->fault(), QueueFault::kReadAfterWrite);
}

TEST_P(QueueTest, WhatIsInFlightCannotComeAgain) {
  ASSERT_TRUE(driver_->Add({{kData, 16, true}}, 1, false));
  ASSERT_EQ(Take(), Taken::kChain);
  if (packed()) {
    // A guest that fills the ring with what the device has not given back.
    for (uint16_t i = 1; i < 8; ++i) {
      ASSERT_TRUE(driver_->Add({{kData, 16, true}}, i, false));
      ASSERT_EQ(Take(), Taken::kChain);
    }
    driver_->Store<uint16_t>(driver_->setup().descriptors + 14, 1u << 15);
    EXPECT_EQ(Take(), Taken::kBroken);
    EXPECT_EQ(queue_->fault(), QueueFault::kTooManyInFlight);
    return;
  }
  const uint64_t ring = driver_->setup().driver;
  const auto head = driver_->Load<uint16_t>(ring + 4);
  driver_->Store<uint16_t>(ring + 6, head);
  driver_->Store<uint16_t>(ring + 2, 2);
  EXPECT_EQ(Take(), Taken::kBroken);
  EXPECT_EQ(queue_->fault(), QueueFault::kBadHead);
}

// The look behind the request for a kick finds it as well.
TEST_P(QueueTest, AnIndexThatJumpsBreaksTheQueueAlsoWhenItIsArmed) {
  if (packed()) return;
  driver_->Store<uint16_t>(driver_->setup().driver + 2, 9);
  EXPECT_TRUE(queue_->Arm());
  EXPECT_EQ(queue_->fault(), QueueFault::kIndexJump);
  EXPECT_EQ(Take(), Taken::kBroken);
  EXPECT_FALSE(queue_->Arm());
}

TEST_P(QueueTest, AnIndexThatJumpsBreaksTheQueue) {
  if (packed()) return;
  driver_->Store<uint16_t>(driver_->setup().driver + 2, 9);
  EXPECT_EQ(Take(), Taken::kBroken);
  EXPECT_EQ(queue_->fault(), QueueFault::kIndexJump);
  Start(8);
  driver_->Store<uint16_t>(driver_->setup().driver + 2, 1);
  driver_->Store<uint16_t>(driver_->setup().driver + 4, 8);
  EXPECT_EQ(Take(), Taken::kBroken);
  EXPECT_EQ(queue_->fault(), QueueFault::kBadHead);
}

TEST(ActiveQueue, IsCheckedWhole) {
  std::vector<std::byte> bytes(0x10000);
  const GuestRam ram({{kBase, bytes}});
  const QueueSetup good = {256, kBase, kBase + 0x2000, kBase + 0x3000};
  const auto fault = [&](QueueSetup setup, bool packed) {
    const auto checked = ActiveQueue::Check(setup, {packed, false, false}, ram);
    return checked ? std::optional<QueueFault>() : std::optional(checked.error());
  };
  EXPECT_EQ(fault(good, false), std::nullopt);
  EXPECT_EQ(fault(good, true), std::nullopt);
  const auto with = [&](auto change) {
    QueueSetup setup = good;
    change(setup);
    return setup;
  };
  for (const uint16_t size : {uint16_t{0}, uint16_t{100}, uint16_t{2048}, uint16_t{0xffff}}) {
    EXPECT_EQ(fault(with([&](auto& s) { s.size = size; }), false), QueueFault::kBadSize) << size;
  }
  EXPECT_EQ(fault(with([](auto& s) { s.size = 100; }), true), std::nullopt);
  EXPECT_EQ(fault(with([](auto& s) { s.size = 0; }), true), QueueFault::kBadSize);
  EXPECT_EQ(fault(with([](auto& s) { s.descriptors += 8; }), false), QueueFault::kBadAlignment);
  EXPECT_EQ(fault(with([](auto& s) { s.driver += 1; }), false), QueueFault::kBadAlignment);
  EXPECT_EQ(fault(with([](auto& s) { s.device += 2; }), false), QueueFault::kBadAlignment);
  EXPECT_EQ(fault(with([](auto& s) { s.driver += 2; }), true), QueueFault::kBadAlignment);
  for (const uint64_t outside : {uint64_t{0}, kBase + 0xff00, kBase + 0x10000, ~uint64_t{15}}) {
    EXPECT_EQ(fault(with([&](auto& s) { s.descriptors = outside; }), false),
              QueueFault::kRingOutsideRam);
  }
  EXPECT_EQ(fault(with([](auto& s) { s.device = kBase + 0xfffc; }), false),
            QueueFault::kRingOutsideRam);
  EXPECT_EQ(fault(with([](auto& s) { s.device = kBase + 0xfffc; }), true), std::nullopt);
}

}  // namespace
}  // namespace vmm::virtio
