#include "vmm/devices/power.h"

#include <gmock/gmock.h>

#include <array>
#include <random>
#include <vector>

namespace vmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kStatus = 0;
constexpr uint64_t kEnable = 2;
constexpr uint64_t kControl = 4;
constexpr uint64_t kTimer = 8;
constexpr uint16_t kButton = 1 << 8;

class PowerTest : public testing::Test {
 protected:
  uint64_t now_ = 0;
  std::vector<bool> levels_;
  std::vector<MachineRequest::Kind> requests_;
  Power power_{{[this](bool level) { levels_.push_back(level); },
                [this](const MachineRequest& request) { requests_.push_back(request.kind); },
                [this] { return now_; }}};
};

TEST_F(PowerTest, OtherSleepStatesAreIgnored) {
  power_.Write({kControl, Width::k2}, 1 << 13 | 1 << 10);   // S1
  power_.Write({kControl, Width::k2}, kSleepTypeS5 << 10);  // not enabled
  EXPECT_THAT(requests_, IsEmpty());
}

TEST_F(PowerTest, SoftOffIsARequestInAnyWidth) {
  const uint16_t value = 1 << 13 | kSleepTypeS5 << 10;
  power_.Write({kControl, Width::k2}, value);
  power_.Write({kControl + 1, Width::k1}, value >> 8);
  power_.Write({kControl, Width::k4}, value);
  EXPECT_THAT(requests_,
              ElementsAre(MachineRequest::Kind::kPowerOff, MachineRequest::Kind::kPowerOff,
                          MachineRequest::Kind::kPowerOff));
  EXPECT_EQ(power_.Read({kControl, Width::k2}) & 1 << 13, 0u);
}

TEST_F(PowerTest, IsAlwaysInAcpiMode) {
  power_.Write({kControl, Width::k2}, 0);
  EXPECT_EQ(power_.Read({kControl, Width::k2}), 1u);
}

TEST_F(PowerTest, TheButtonInterruptsWhenItIsEnabledAndUntilItIsCleared) {
  power_.PowerButton();
  EXPECT_THAT(levels_, IsEmpty());
  EXPECT_EQ(power_.Read({kStatus, Width::k2}), kButton);
  power_.Write({kEnable, Width::k2}, kButton);
  EXPECT_THAT(levels_, ElementsAre(true));
  power_.Write({kStatus, Width::k2}, 0);  // clears nothing
  EXPECT_EQ(power_.Read({kStatus, Width::k2}), kButton);
  power_.Write({kStatus, Width::k2}, kButton);
  EXPECT_EQ(power_.Read({kStatus, Width::k4}), uint64_t{kButton} << 16);
  EXPECT_THAT(levels_, ElementsAre(true, false));
}

TEST_F(PowerTest, TheTimerCountsAndIsReadWhole) {
  now_ = 1'000'000'000;
  EXPECT_EQ(power_.Read({kTimer, Width::k4}), 3579545u);
  EXPECT_EQ(power_.Read({kTimer + 1, Width::k1}), 3579545u >> 8 & 0xff);
  power_.Write({kTimer, Width::k4}, 0);
  EXPECT_EQ(power_.Read({kTimer, Width::k4}), 3579545u);
}

TEST(PmTimerTicks, NeverLosesATickOverYears) {
  constexpr uint64_t kSecond = 1'000'000'000;
  const uint64_t year = uint64_t{365} * 24 * 3600;
  EXPECT_EQ(PmTimerTicks(10 * year * kSecond), static_cast<uint32_t>(10 * year * 3579545));
  EXPECT_EQ(PmTimerTicks(279), 0u);
  EXPECT_EQ(PmTimerTicks(280), 1u);
}

TEST_F(PowerTest, SurvivesRandomAccesses) {
  std::mt19937 random(5);
  for (int round = 0; round < 5000; ++round) {
    const auto width = std::array{Width::k1, Width::k2, Width::k4, Width::k8}[random() % 4];
    power_.Write({random() % 16, width}, random());
    power_.Read({random() % 16, width});
    power_.PowerButton();
  }
  for (size_t i = 0; i < levels_.size(); ++i) ASSERT_EQ(levels_[i], i % 2 == 0);
}

}  // namespace
}  // namespace vmm
