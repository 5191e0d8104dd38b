#include "vmm/assigned/interrupts.h"

#include <gmock/gmock.h>

#include "vmm/pci/registers.h"

namespace vmm::assigned {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr kvm::MsiMessage kMessage{0xfee01000, 0x31};
constexpr kvm::MsiMessage kOther{0xfee02000, 0x32};

// "m" masked, "L" live, one letter a vector.
IrqWanted Wanted(IrqMode mode, std::string_view vectors) {
  IrqWanted wanted{mode, {}};
  for (const char c : vectors) wanted.vectors.push_back({c == 'L', kMessage});
  return wanted;
}

// "-" nothing, "L" live, "m" masked after it was live, "x" refused.
IrqApplied Applied(IrqMode mode, std::string_view vectors, uint32_t host_vectors) {
  IrqApplied applied{mode, static_cast<uint32_t>(vectors.size()), host_vectors, false, {}};
  for (const char c : vectors) {
    const bool used = c == 'L' || c == 'm';
    applied.vectors.push_back({used, kMessage, c == 'L', used, false, c == 'x'});
  }
  return applied;
}

std::vector<std::string> Steps(const IrqWanted& wanted, const IrqApplied& applied,
                               bool can_grow = true) {
  std::vector<std::string> text;
  for (const IrqStep& step : Reconcile(wanted, applied, can_grow)) text.push_back(step.ToString());
  return text;
}

const std::string kRoute0 = "route 0 to 0xfee01000/0x31";
const std::string kRoute1 = "route 1 to 0xfee01000/0x31";

TEST(Reconcile, NothingToDo) {
  EXPECT_THAT(Steps({}, {}), IsEmpty());
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "LmL"), Applied(IrqMode::kMsix, "LmL", 3)), IsEmpty());
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "mmm"), Applied(IrqMode::kMsix, "mm-", 2)), IsEmpty());
}

TEST(Reconcile, MaskedEnableTakesOneHostVector) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "mmmm"), {}), ElementsAre("enable 0+1"));
}

TEST(Reconcile, EnableWithLiveVectorsIsOneBatch) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "LLm"), {}),
              ElementsAre(kRoute0, kRoute1, "commit routes", "connect 0+2", "enable 0+2"));
}

TEST(Reconcile, LiveVectorsWithHolesAreArmedByRuns) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "LmLL"), {}),
              ElementsAre(kRoute0, "route 2 to 0xfee01000/0x31", "route 3 to 0xfee01000/0x31",
                          "commit routes", "connect 0+1", "connect 2+2", "enable 0+1", "arm 2+2"));
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "mL"), {}),
              ElementsAre(kRoute1, "commit routes", "connect 1+1", "enable 0+1", "arm 1+1"));
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "mL"), {}, false),
              ElementsAre(kRoute1, "commit routes", "connect 1+1", "enable 0+2"));
}

TEST(Reconcile, UnmaskAddsAVectorLive) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "LLm"), Applied(IrqMode::kMsix, "L--", 1)),
              ElementsAre(kRoute1, "commit routes", "connect 1+1", "arm 1+1"));
}

TEST(Reconcile, WithoutResizeHostVectorsDouble) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "LLmmmmmm"), Applied(IrqMode::kMsix, "L", 1), false),
              ElementsAre(kRoute1, "commit routes", "connect 1+1", "grow 0+2"));
  EXPECT_THAT(
      Steps(Wanted(IrqMode::kMsix, "LLLLLmmm"), Applied(IrqMode::kMsix, "LLLL", 4), false).back(),
      "grow 0+8");
  EXPECT_THAT(
      Steps(Wanted(IrqMode::kMsix, "LLLLL"), Applied(IrqMode::kMsix, "LLLL", 4), false).back(),
      "grow 0+5");
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "LLmm"), Applied(IrqMode::kMsix, "L-", 4), false).back(),
              "arm 1+1");
}

TEST(Reconcile, MaskTakesOnlyTheIrqfdAndUnmaskGivesItBack) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "mL"), Applied(IrqMode::kMsix, "LL", 2)),
              ElementsAre("disconnect 0+1"));
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "LL"), Applied(IrqMode::kMsix, "mL", 2)),
              ElementsAre("connect 0+1"));
}

TEST(Reconcile, AMessageChangeIsARouteUpdate) {
  IrqWanted wanted = Wanted(IrqMode::kMsix, "LL");
  wanted.vectors[1].message = kOther;
  EXPECT_THAT(Steps(wanted, Applied(IrqMode::kMsix, "LL", 2)),
              ElementsAre("route 1 to 0xfee02000/0x32", "commit routes"));
  wanted.vectors[1].live = false;  // while masked it waits for the unmask
  EXPECT_THAT(Steps(wanted, Applied(IrqMode::kMsix, "Lm", 2)), IsEmpty());
}

TEST(Reconcile, AFailedCommitIsRepeated) {
  IrqApplied applied = Applied(IrqMode::kMsix, "L", 1);
  applied.uncommitted = true;
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "L"), applied), ElementsAre("commit routes"));
}

TEST(Reconcile, DisableReturnsEverything) {
  EXPECT_THAT(Steps({}, Applied(IrqMode::kMsix, "LLmL", 4)),
              ElementsAre("disconnect 0+2", "disconnect 3+1", "disable msix", "free routes 0+4"));
  EXPECT_THAT(Steps({}, Applied(IrqMode::kMsi, "L", 1)),
              ElementsAre("disconnect 0+1", "disable msi", "free routes 0+1"));
}

TEST(Reconcile, ModesExcludeEachOther) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "m"), Applied(IrqMode::kMsi, "L", 1)),
              ElementsAre("disconnect 0+1", "disable msi", "free routes 0+1", "enable 0+1"));
}

TEST(Reconcile, MsiTakesAllGrantedVectorsAtOnce) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsi, "LL"), {}),
              ElementsAre(kRoute0, kRoute1, "commit routes", "connect 0+2", "enable 0+2"));
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsi, "mm"), {}), ElementsAre("enable 0+2"));
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsi, "m"), Applied(IrqMode::kMsi, "mm", 2)).front(),
              "disable msi");
}

TEST(Reconcile, IntxIsOnAsLongAsNothingElseIs) {
  EXPECT_THAT(Steps(WantedIntx(), {}), ElementsAre("enable intx"));
  EXPECT_THAT(Steps(WantedIntx(), Applied(IrqMode::kIntx, "L", 1)), IsEmpty());
  EXPECT_THAT(Steps({}, Applied(IrqMode::kIntx, "x", 1)), ElementsAre("disable intx"));
  EXPECT_THAT(Steps(WantedIntx(), Applied(IrqMode::kMsi, "LL", 2)),
              ElementsAre("disconnect 0+2", "disable msi", "free routes 0+2", "enable intx"));
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "m"), Applied(IrqMode::kIntx, "x", 1)),
              ElementsAre("disable intx", "enable 0+1"));
}

TEST(Reconcile, RefusedVectorsAreLeftAlone) {
  EXPECT_THAT(Steps(Wanted(IrqMode::kMsix, "LLL"), Applied(IrqMode::kMsix, "LxL", 3)), IsEmpty());
}

TEST(Reconcile, ManyVectorsAreFewSteps) {
  const std::string live(2048, 'L');
  const auto steps = Steps(Wanted(IrqMode::kMsix, live), {});
  EXPECT_EQ(steps.size(), 2048u + 3);
  EXPECT_EQ(steps.back(), "enable 0+2048");
}

TEST(WantedMsix, TakesMasksAndMessages) {
  pci::Msix msix(3);
  EXPECT_EQ(WantedMsix(msix).mode, IrqMode::kNone);
  msix.SetControl(pci::kMsixEnable);
  msix.WriteTable(16, Width::k8, 0xfee01000);
  msix.WriteTable(24, Width::k8, 0x31);
  msix.WriteTable(44, Width::k4, 0);  // unmasked without an address
  const IrqWanted wanted = WantedMsix(msix);
  ASSERT_EQ(wanted.vectors.size(), 3u);
  EXPECT_FALSE(wanted.vectors[0].live);
  EXPECT_TRUE(wanted.vectors[1].live);
  EXPECT_EQ(wanted.vectors[1].message, kMessage);
  EXPECT_FALSE(wanted.vectors[2].live);
  msix.SetControl(pci::kMsixEnable | pci::kMsixFunctionMask);
  EXPECT_FALSE(WantedMsix(msix).vectors[1].live);
}

TEST(WantedMsi, NumbersTheVectors) {
  pci::ConfigSpace config(pci::kConfigSize);
  const pci::MsiLayout layout = pci::ParseMsi(0x50, 0x0102);  // maskable, 2 vectors
  pci::OwnMsi(config, layout);
  EXPECT_EQ(WantedMsi(pci::Msi(config, layout)).mode, IrqMode::kNone);
  config.Write(0x54, Width::k4, 0xfee01000);
  config.Write(0x58, Width::k2, 0x30);
  config.Write(0x5c, Width::k4, 1);
  config.Write(0x52, Width::k2, 0x11);
  const IrqWanted wanted = WantedMsi(pci::Msi(config, layout));
  ASSERT_EQ(wanted.vectors.size(), 2u);
  EXPECT_FALSE(wanted.vectors[0].live);
  EXPECT_TRUE(wanted.vectors[1].live);
  EXPECT_EQ(wanted.vectors[1].message, kMessage);
}

TEST(MsiVectorsShown, IsAPowerOfTwoThatTheHostGrants) {
  EXPECT_EQ(MsiVectorsShown(32, 1), 1u);
  EXPECT_EQ(MsiVectorsShown(8, 7), 4u);
  EXPECT_EQ(MsiVectorsShown(4, 32), 4u);
  EXPECT_EQ(MsiVectorsShown(1, 1), 1u);
}

TEST(FewerVectors, FollowsTheKernelAndElseHalves) {
  EXPECT_EQ(FewerVectors(IrqMode::kMsix, 8, 0, 5), 5u);
  EXPECT_EQ(FewerVectors(IrqMode::kMsi, 8, 0, 5), 4u);
  EXPECT_EQ(FewerVectors(IrqMode::kMsix, 20, 12, 0), 12u);
  EXPECT_EQ(FewerVectors(IrqMode::kMsix, 12, 12, 0), 6u);
  EXPECT_EQ(FewerVectors(IrqMode::kMsix, 1, 0, 0), 0u);
  // Whatever a kernel says, asking comes to an end.
  for (uint32_t free = 0; free < 70; ++free) {
    uint32_t steps = 0;
    for (uint32_t tried = 64; tried > 0; tried = FewerVectors(IrqMode::kMsi, tried, 9, free)) {
      ASSERT_LT(++steps, 12u);
    }
  }
}

}  // namespace
}  // namespace vmm::assigned
