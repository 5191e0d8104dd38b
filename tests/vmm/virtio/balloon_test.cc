#include "vmm/virtio/balloon/balloon.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cerrno>

#include "tests/support/fake_dma_space.h"
#include "tests/support/matchers.h"
#include "tests/support/virtio_function.h"

namespace vmm::virtio {
namespace {

using base::kMiB;
using test::Eventually;
using test::IsOk;

constexpr uint32_t kPagesOfBlock = 512;
constexpr uint64_t kMustTell = balloon_feature::kMustTellHost;
constexpr uint64_t kStats = balloon_feature::kStatistics;

TEST(Statistics, EntriesByTag) {
  const std::array<uint8_t, 35> bytes = {4,  0, 1, 2, 0, 0, 0, 0, 0, 0,  // free memory
                                         99, 0, 7, 0, 0, 0, 0, 0, 0, 0,  // of another kernel
                                         4,  0, 5, 0, 0, 0, 0, 0, 0, 0,
                                         1,  // again, then half a one
                                         2,  3, 4, 5};
  const Statistics all = ParseStatistics(std::as_bytes(std::span(bytes)));
  EXPECT_EQ(all[4], 5u);
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& one) { return one.has_value(); }),
            1);
  EXPECT_EQ(ParseStatistics({})[4], std::nullopt);
}

class BalloonTest : public test::VirtioFunction {
 protected:
  static constexpr std::array kGuestRam = {base::Range{0, 32 * kMiB}};
  static constexpr uint64_t kSpacing = 0x18000;

  BalloonTest() {
    auto memory = GuestMemory::Create(kGuestRam);
    EXPECT_THAT(memory, IsOk());
    memory_.emplace(std::move(*memory));
    space_.memory = &*memory_;
    balloon_ram_.emplace(*memory_, 2 * kMiB, [](std::span<std::byte>) { return base::Status(); });
  }
  void TearDown() override {
    OnIo([&] { space_.map_error = 0; });
    VirtioFunction::TearDown();
  }
  void MakeBalloon(BalloonShape shape = {}) {
    Balloon::Wiring wiring;
    wiring.changed = [this](uint64_t bytes) { changed_ = bytes; };
    wiring.stuck = [this](const base::Error&) { ++stuck_; };
    wiring.lost = [this](const base::Error&) { ++lost_; };
    shape.name = "balloon0";
    auto balloon = std::make_unique<Balloon>(shape, *balloon_ram_, wiring);
    balloon_ = balloon.get();
    Make(std::move(balloon));
  }
  // Each queue has rings of its own.
  void StartAll(uint64_t features = kMustTell | kStats, unsigned queues = 3) {
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    SetStatus(0);
    ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
    SetStatus(3);
    Negotiate(kVersion1 | features);
    SetStatus(11);
    ASSERT_EQ(Status(), 11);
    EnableMsix(4);
    Write(16, Width::k2, 0);
    drivers_.clear();
    for (uint16_t i = 0; i < queues; ++i) {
      const uint64_t at = i * kSpacing;
      drivers_.emplace_back(std::span(bytes_).subspan(at), kBase + at, uint16_t{16},
                            RingFeatures{});
      driver_ = drivers_.back();
      SetUpQueue(i, static_cast<uint16_t>(i + 1));
    }
    SetStatus(15);
    ASSERT_EQ(Status(), 15);
  }
  // Page numbers from `first` on, in one descriptor.
  void Give(uint16_t queue, uint32_t first, uint32_t count) {
    const uint64_t at = kBase + 0x50000 + queue * 0x10000;
    for (uint32_t i = 0; i < count; ++i) {
      base::StoreLe(std::span(bytes_), at - kBase + 4 * i, first + i);
    }
    ASSERT_TRUE(drivers_[queue].Add({{at, 4 * count, false}}, 1, false));
    Kick(queue);
  }
  bool IsDone(uint16_t queue) {
    return Eventually([&] { return drivers_[queue].Reap().has_value(); });
  }
  void Do(uint16_t queue, uint32_t first, uint32_t count) {
    Give(queue, first, count);
    ASSERT_TRUE(IsDone(queue));
  }
  uint64_t reclaimed() { return balloon_ram_->state().reclaimed; }
  // On the I/O thread, which uses it.
  size_t maps() {
    size_t count = 0;
    OnIo([&] { count = space_.maps.size(); });
    return count;
  }

  std::optional<GuestMemory> memory_;
  test::FakeDmaSpace space_;
  std::optional<DmaRam> balloon_ram_;
  Balloon* balloon_ = nullptr;
  std::vector<test::VirtioDriver> drivers_;
  std::atomic<uint64_t> changed_{0};
  std::atomic<unsigned> stuck_{0};
  std::atomic<unsigned> lost_{0};
};

TEST_F(BalloonTest, GivesAndTakesPages) {
  MakeBalloon();
  EXPECT_FALSE(balloon_->state().driver);
  StartAll();
  Do(0, 100, 256);
  EXPECT_TRUE(balloon_->state().driver);
  EXPECT_EQ(reclaimed(), 256 * base::kPageSize);
  Do(1, 100, 255);
  EXPECT_EQ(reclaimed(), base::kPageSize);
  Write(0x2004, Width::k4, 1);
  EXPECT_EQ(Read(0x2004, Width::k4), 1u);
  EXPECT_TRUE(Eventually([&] { return changed_ == base::kPageSize; }));
  EXPECT_EQ(balloon_->state().actual, base::kPageSize);
  OnIo([&] { balloon_->SetTarget(300); });
  EXPECT_EQ(Read(0x2000, Width::k4), 300u);
  EXPECT_EQ(Read(0x2004, Width::k4), 1u);
  SetStatus(0);
  EXPECT_TRUE(Eventually([&] { return Status() == 0; }));
  EXPECT_EQ(Read(0x2004, Width::k4), 0u);
  EXPECT_EQ(reclaimed(), 0u);
  EXPECT_FALSE(balloon_->state().driver);
  EXPECT_EQ(changed_, 0u);
}

TEST_F(BalloonTest, ALargeRequestGoesInTurns) {
  MakeBalloon();
  StartAll();
  ASSERT_THAT(balloon_ram_->MapInto(space_), IsOk());
  Do(0, 0, 15 * kPagesOfBlock);
  EXPECT_EQ(maps(), 1u);
  EXPECT_EQ(reclaimed(), 30 * kMiB);
  // One page of each block.
  const uint64_t at = kBase + 0x60000;
  for (uint32_t i = 0; i < 15; ++i) {
    base::StoreLe(std::span(bytes_), at - kBase + 4 * i, i * kPagesOfBlock);
  }
  ASSERT_TRUE(drivers_[1].Add({{at, 60, false}}, 1, false));
  Kick(1);
  ASSERT_TRUE(IsDone(1));
  EXPECT_EQ(maps(), 16u);
  EXPECT_EQ(reclaimed(), 0u);
}

TEST_F(BalloonTest, WhatCannotBeMappedIsWaitedFor) {
  MakeBalloon();
  StartAll();
  ASSERT_THAT(balloon_ram_->MapInto(space_), IsOk());
  Do(0, 0, kPagesOfBlock);
  OnIo([&] { space_.map_error = ENOMEM; });
  Give(1, 7, 1);
  EXPECT_TRUE(Eventually([&] { return stuck_ == 1; }));
  EXPECT_FALSE(drivers_[1].Reap());
  Do(0, 5000, 1);
  OnIo([&] { space_.map_error = 0; });
  EXPECT_TRUE(IsDone(1));
  EXPECT_EQ(stuck_, 1u);
  EXPECT_EQ(lost_, 0u);
  EXPECT_EQ(maps(), 16u);
}

TEST_F(BalloonTest, AResetDoesNotWaitAndTellsWhatIsLost) {
  MakeBalloon();
  StartAll();
  ASSERT_THAT(balloon_ram_->MapInto(space_), IsOk());
  Do(0, 0, kPagesOfBlock);
  OnIo([&] { space_.map_error = ENOMEM; });
  Give(1, 7, 1);
  EXPECT_TRUE(Eventually([&] { return stuck_ == 1; }));
  SetStatus(0);
  EXPECT_TRUE(Eventually([&] { return Status() == 0; }));
  EXPECT_GE(lost_, 1u);
}

TEST_F(BalloonTest, WithoutBusMasteringAllIsTheGuests) {
  MakeBalloon();
  StartAll();
  ASSERT_THAT(balloon_ram_->MapInto(space_), IsOk());
  Do(0, 0, 2 * kPagesOfBlock);
  EXPECT_EQ(maps(), 14u);
  SetCommand(pci::kCommandMemory);
  EXPECT_EQ(balloon_ram_->state().reclaimed, 0u) << "before the guest goes on";
  EXPECT_EQ(maps(), 16u);
  SetCommand(pci::kCommandMemory | pci::kCommandMaster);
  Do(0, 0, kPagesOfBlock);
  EXPECT_EQ(maps(), 15u);
}

TEST_F(BalloonTest, AskedForAnotherSize) {
  BalloonShape shape;
  shape.target = 3;
  MakeBalloon(shape);
  StartAll();
  EXPECT_EQ(Read(0x2000, Width::k4), 3u);
  OnIo([&] { balloon_->SetTarget(77); });
  EXPECT_TRUE(TakeInterrupt(EventOf(0x40)));
  EXPECT_EQ(Read(0x2000, Width::k4), 77u);
  EXPECT_EQ(balloon_->state().target, 77 * base::kPageSize);
}

TEST_F(BalloonTest, StatisticsComeWhenTheyAreAskedFor) {
  MakeBalloon();
  StartAll();
  const auto give = [&](uint8_t value) {
    const uint64_t at = kBase + 0x50000;
    base::StoreLe(std::span(bytes_), at - kBase, uint16_t{4});
    base::StoreLe(std::span(bytes_), at - kBase + 2, uint64_t{value});
    ASSERT_TRUE(drivers_[2].Add({{at, 10, false}}, value, false));
    Kick(2);
    ASSERT_TRUE(Eventually([&] { return balloon_->state().statistics[4] == value; }));
  };
  give(9);
  EXPECT_TRUE(balloon_->state().told.has_value());
  EXPECT_FALSE(drivers_[2].Reap()) << "it is kept";
  OnIo([&] { balloon_->AskForStatistics(); });
  ASSERT_TRUE(IsDone(2));
  OnIo([&] { balloon_->AskForStatistics(); });
  EXPECT_FALSE(drivers_[2].Reap()) << "not twice";
  give(10);
  // Another one while one is kept: the first comes back.
  give(11);
  std::optional<test::VirtioDriver::Done> done;
  EXPECT_TRUE(Eventually([&] { return (done = drivers_[2].Reap()).has_value(); }));
  EXPECT_EQ(done->token, 10u);
  EXPECT_FALSE(drivers_[2].Reap());
}

TEST_F(BalloonTest, StatisticsByTheClock) {
  BalloonShape shape;
  shape.statistics = std::chrono::seconds(1);
  MakeBalloon(shape);
  StartAll();
  ASSERT_TRUE(drivers_[2].Add({{kBase + 0x50000, 10, false}}, 1, false));
  Kick(2);
  EXPECT_TRUE(IsDone(2));
}

TEST_F(BalloonTest, ReportedPagesGoUnlessTheyHoldSomething) {
  BalloonShape shape;
  shape.reporting = true;
  MakeBalloon(shape);
  std::atomic<uint64_t> discarded{0};
  balloon_ram_.emplace(*memory_, 2 * kMiB, [&](std::span<std::byte> bytes) {
    discarded += bytes.size();
    return base::Status();
  });
  const uint64_t features = kMustTell | kStats | balloon_feature::kReporting;
  const auto report = [&] {
    ASSERT_TRUE(drivers_[3].Add({{4 * kMiB, 2 * kMiB, true},
                                 {100 * kMiB, 4096, true},
                                 {UINT64_MAX - 4095, 8192, true},
                                 {0x1001, 0x1fff, true}},
                                1, false));
    Kick(3);
    ASSERT_TRUE(IsDone(3));
  };
  StartAll(features, 4);
  report();
  EXPECT_EQ(discarded, 2 * kMiB + 4096);
  EXPECT_TRUE(balloon_->state().reporting);
  EXPECT_FALSE(balloon_->state().tells);
  SetStatus(0);
  ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
  Write(0x200c, Width::k4, 0xaaaaaaaa);
  StartAll(features | balloon_feature::kPagePoison, 4);
  Write(0x200c, Width::k4, 0xaaaaaaaa);
  report();
  EXPECT_EQ(discarded, 2 * kMiB + 4096);
}

TEST_F(BalloonTest, DriversThatAreRefused) {
  BalloonShape shape;
  shape.must_tell = true;
  shape.reporting = true;
  MakeBalloon(shape);
  const auto takes = [&](uint64_t features) {
    SetStatus(0);
    SetStatus(3);
    Negotiate(kVersion1 | features);
    SetStatus(11);
    return Status() == 11;
  };
  EXPECT_TRUE(takes(kMustTell));
  EXPECT_FALSE(takes(0));
  EXPECT_FALSE(takes(kStats));
  EXPECT_FALSE(takes(kMustTell | balloon_feature::kReporting)) << "its queue has another number";
  EXPECT_FALSE(takes(kMustTell | balloon_feature::kDeflateOnOom));
  EXPECT_TRUE(takes(kMustTell | kStats | balloon_feature::kReporting));
}

}  // namespace
}  // namespace vmm::virtio
