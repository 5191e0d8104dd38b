#include "vmm/dma_ram.h"

#include <gmock/gmock.h>

#include <array>
#include <cerrno>
#include <random>

#include "tests/support/fake_dma_space.h"
#include "tests/support/matchers.h"
#include "tests/support/random_input.h"

namespace vmm {
namespace {

using base::kMiB;
using test::FailsWith;
using test::FakeDmaSpace;
using test::IsOk;
using Driver = DmaRam::Driver;

constexpr uint32_t kPagesOfBlock = 512;
constexpr uint32_t kHighPage = 1 << 20;  // 4 GiB

class DmaRamTest : public testing::Test {
 protected:
  DmaRamTest() {
    auto memory = GuestMemory::Create(kRam);
    EXPECT_THAT(memory, IsOk());
    memory_.emplace(std::move(*memory));
    space_.memory = &*memory_;
    ram_.emplace(*memory_, 2 * kMiB, [this](std::span<std::byte> bytes) { return Discard(bytes); });
  }
  // Fails the test for what is mapped.
  base::Status Discard(std::span<std::byte> bytes) {
    for (const GuestMemory::Block& block : memory_->blocks()) {
      const auto all = block.mapping.bytes();
      if (bytes.data() < all.data() || bytes.data() >= all.data() + all.size()) continue;
      const uint64_t at = block.base.value + static_cast<uint64_t>(bytes.data() - all.data());
      EXPECT_FALSE(space_.IsMapped({at, bytes.size()})) << std::hex << at;
    }
    discarded_ += bytes.size();
    return DmaRam::DiscardPrivate(bytes);
  }
  void Inflate(uint32_t first, uint32_t count) {
    for (uint32_t done = 0; done < count;) {
      std::vector<uint32_t> pages;
      for (uint32_t i = done; i < count && pages.size() < 256; ++i) pages.push_back(first + i);
      done += static_cast<uint32_t>(ram_->Inflate(pages));
    }
  }
  base::Status Deflate(uint32_t page) {
    TRY(ram_->Deflate(std::array<uint32_t, 1>{page}));
    return {};
  }

  static constexpr std::array kRam = {base::Range{0, 8 * kMiB},
                                      base::Range{uint64_t{4} << 30, 4 * kMiB}};
  std::optional<GuestMemory> memory_;
  FakeDmaSpace space_;
  std::optional<DmaRam> ram_;
  uint64_t discarded_ = 0;
};

TEST_F(DmaRamTest, DiscardsAtOnceWithoutDevices) {
  ASSERT_THAT(memory_->StoreValue(base::GuestPhys{0x5000}, uint64_t{7}), IsOk());
  ram_->SetDriver(Driver::kUses);
  Inflate(4, 3);
  EXPECT_EQ(discarded_, 3 * base::kPageSize);
  EXPECT_EQ(memory_->At(base::GuestPhys{0x5000}, 1)[0], std::byte{0});
  EXPECT_EQ(ram_->state().reclaimed, 3 * base::kPageSize);
}

TEST_F(DmaRamTest, BesideDevicesOnlyWholeBlocksAndTheyComeBackFirst) {
  ram_->SetDriver(Driver::kTells);
  ASSERT_THAT(ram_->MapInto(space_), IsOk());
  EXPECT_EQ(space_.maps.size(), 6u);
  Inflate(kHighPage, kPagesOfBlock + 10);
  EXPECT_EQ(space_.maps.size(), 5u);
  EXPECT_EQ(discarded_, 2 * kMiB);
  EXPECT_EQ(ram_->state().reclaimed, 2 * kMiB);
  EXPECT_THAT(Deflate(kHighPage + 3), IsOk());
  EXPECT_EQ(space_.maps.size(), 6u);
  EXPECT_EQ(ram_->state().reclaimed, 0u);
}

TEST_F(DmaRamTest, AMapThatFailsIsTriedAgain) {
  ram_->SetDriver(Driver::kTells);
  ASSERT_THAT(ram_->MapInto(space_), IsOk());
  Inflate(0, kPagesOfBlock);
  space_.map_error = ENOMEM;
  EXPECT_THAT(Deflate(0), FailsWith(base::Code::kKernel));
  EXPECT_EQ(ram_->state().reclaimed, 2 * kMiB);
  EXPECT_THAT(ram_->Restore(), FailsWith(base::Code::kKernel));
  space_.map_error = 0;
  EXPECT_THAT(ram_->Restore(), IsOk());
  EXPECT_EQ(space_.maps.size(), 6u);
}

TEST_F(DmaRamTest, AnUnmapThatFailsKeepsTheBlock) {
  ram_->SetDriver(Driver::kTells);
  ASSERT_THAT(ram_->MapInto(space_), IsOk());
  space_.unmap_error = EBUSY;
  Inflate(0, kPagesOfBlock);
  EXPECT_EQ(discarded_, 0u);
  space_.unmap_error = 0;
  Inflate(0, 1);
  EXPECT_EQ(discarded_, 2 * kMiB);
}

TEST_F(DmaRamTest, ADeviceThatComesLaterFindsWhatItMayReach) {
  ram_->SetDriver(Driver::kTells);
  Inflate(0, kPagesOfBlock + 5);
  uint64_t to_map = 0;
  for (const auto& bytes : ram_->ToMap()) to_map += bytes.size();
  EXPECT_EQ(to_map, 10 * kMiB);
  EXPECT_EQ(ram_->ToMap()[0].data(), memory_->At(base::GuestPhys{2 * kMiB}, 1).data());
  ASSERT_THAT(ram_->MapInto(space_), IsOk());
  EXPECT_THAT(ram_->ToMap(), testing::IsEmpty());
  EXPECT_EQ(space_.maps.size(), 5u) << "the full block stays out";
  EXPECT_FALSE(ram_->state().inert);
  EXPECT_THAT(Deflate(1), IsOk());
  EXPECT_EQ(space_.maps.size(), 6u);
  // The last one leaves: what the balloon has goes to the host.
  ram_->Forget();
  space_.maps.clear();
  ram_->DiscardRest();
  EXPECT_EQ(ram_->state().reclaimed, (kPagesOfBlock + 5 - 1) * base::kPageSize);
}

TEST_F(DmaRamTest, InertBesideADriverThatTellsLate) {
  ram_->SetDriver(Driver::kUses);
  Inflate(0, kPagesOfBlock);
  EXPECT_TRUE(ram_->Report({2 * kMiB, 2 * kMiB}));
  ASSERT_THAT(ram_->MapInto(space_), IsOk());
  EXPECT_EQ(space_.maps.size(), 6u);
  EXPECT_TRUE(ram_->state().inert);
  const uint64_t before = discarded_;
  Inflate(kPagesOfBlock, kPagesOfBlock);
  EXPECT_FALSE(ram_->Report({2 * kMiB, 2 * kMiB}));
  EXPECT_EQ(discarded_, before);
  ram_->Forget();
  space_.maps.clear();
  ram_->DiscardRest();
  EXPECT_EQ(discarded_, before) << "the driver may use them";
  EXPECT_FALSE(ram_->state().inert);
}

TEST_F(DmaRamTest, NothingIsMappedForAMachineThatEnds) {
  ram_->SetDriver(Driver::kTells);
  ASSERT_THAT(ram_->MapInto(space_), IsOk());
  Inflate(0, kPagesOfBlock);
  ram_->Close();
  EXPECT_THAT(ram_->Restore(), IsOk());
  EXPECT_EQ(space_.maps.size(), 5u);
}

TEST_F(DmaRamTest, ReportsOutsideOfRamAreNothing) {
  EXPECT_FALSE(ram_->Report({8 * kMiB, base::kPageSize}));
  EXPECT_FALSE(ram_->Report({UINT64_MAX - 4095, base::kPageSize}));
}

// What a guest may have to do with each page, beside what became of it: any order of events, with
// failures. A page that the guest has is mapped while there are devices, and the bytes of a page
// that it never gave are never lost.
TEST_F(DmaRamTest, GamesAgainstAModelOfPages) {
  for (unsigned seed = 1; seed <= test::Effort(10) && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    space_ = {};
    space_.memory = &*memory_;
    ram_.emplace(*memory_, 2 * kMiB, [this](std::span<std::byte> bytes) { return Discard(bytes); });
    std::mt19937 chance(seed);
    const auto below = [&](uint32_t count) { return static_cast<uint32_t>(chance() % count); };
    std::vector<char> given(3072);
    std::vector<uint64_t> marks(3072);
    const auto number = [](uint32_t i) { return i < 2048 ? i : kHighPage + i - 2048; };
    const auto mark = [&](uint32_t i) {
      marks[i] = chance();
      ASSERT_THAT(memory_->StoreValue(base::GuestPhys{uint64_t{number(i)} << 12}, marks[i]),
                  IsOk());
    };
    for (uint32_t i = 0; i < given.size(); ++i) mark(i);
    bool devices = false;
    ram_->SetDriver(Driver::kTells);
    for (unsigned turn = 0; turn < 300 && !HasFailure(); ++turn) {
      space_.map_error = below(8) == 0 ? ENOMEM : 0;
      space_.unmap_error = below(8) == 0 ? EBUSY : 0;
      const uint32_t first = below(3072), count = 1 + below(700);
      switch (below(6)) {
        case 0:
        case 1:
          for (uint32_t i = first; i < std::min(first + count, 3072u); ++i) {
            ram_->Inflate(std::array<uint32_t, 1>{number(i)});
            given[i] = 1;
          }
          break;
        case 2:
          for (uint32_t i = first; i < std::min(first + count / 4, 3072u); ++i) {
            if (!Deflate(number(i)) || std::exchange(given[i], char{0}) == 0) continue;
            mark(i);
          }
          break;
        case 3:
          if (devices) {
            ram_->Forget();
            space_.maps.clear();
            ram_->DiscardRest();
          } else {
            space_.map_error = 0;
            ASSERT_THAT(ram_->MapInto(space_), IsOk());
          }
          devices = !devices;
          break;
        case 4:
          if (below(4) != 0 || !ram_->Restore()) break;
          for (uint32_t i = 0; i < given.size(); ++i) {
            if (std::exchange(given[i], char{0}) != 0) mark(i);
          }
          break;
        default:
          break;
      }
      space_.map_error = 0;
      // A restore that failed is tried again, as a machine that goes on has to.
      ASSERT_TRUE(turn % 50 != 0 || ram_->Restore());
      if (turn % 50 == 0) {
        for (uint32_t i = 0; i < given.size(); ++i) {
          if (std::exchange(given[i], char{0}) != 0) mark(i);
        }
      }
      for (uint32_t i = 0; i < given.size(); ++i) {
        if (given[i] != 0) continue;
        const uint64_t at = uint64_t{number(i)} << 12;
        ASSERT_TRUE(!devices || space_.IsMapped({at, 4096})) << i << " turn " << turn;
        uint64_t found = 0;
        std::memcpy(&found, memory_->At(base::GuestPhys{at}, 8).data(), 8);
        ASSERT_EQ(found, marks[i]) << i << " turn " << turn;
      }
    }
  }
}

}  // namespace
}  // namespace vmm
