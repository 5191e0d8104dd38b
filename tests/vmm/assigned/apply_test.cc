#include "vmm/assigned/apply.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <random>

#include "tests/support/fake_endpoint.h"
#include "tests/support/fake_router.h"
#include "tests/support/matchers.h"

namespace vmm::assigned {
namespace {

using test::FailsWith;
using test::IsOk;

class ApplyTest : public testing::Test {
 protected:
  ApplyTest() { Make({.msix_vectors = 64}); }

  void Make(const test::EndpointOptions& options) {
    test::MakeEndpoint(fake, options);
    can_grow = !options.no_resize;
    applier.reset();
    device.emplace(std::move(*fake.Open(kernel)));
    applier.emplace(*device);
    applier->Connect(router, 17);
  }
  static IrqWanted Wanted(IrqMode mode, std::string_view vectors) {
    IrqWanted wanted{mode, {}};
    uint32_t data = 0x30;
    for (const char c : vectors) wanted.vectors.push_back({c == 'L', {0xfee01000, data++}});
    return wanted;
  }
  base::Status Reach(const IrqWanted& wanted) {
    return applier->Apply(Reconcile(wanted, applier->applied(), can_grow));
  }
  // What is recorded as applied is what the device and the router have.
  void ExpectTruth() {
    const IrqApplied& applied = applier->applied();
    const auto index = applied.mode == IrqMode::kMsi ? vfio::kMsiIrq : vfio::kMsixIrq;
    EXPECT_EQ(fake.trigger(vfio::kIntxIrq, 0) >= 0, applied.mode == IrqMode::kIntx);
    if (applied.mode == IrqMode::kIntx) return;
    for (uint32_t v = 0; v < applied.vectors.size(); ++v) {
      const bool armed = applied.mode != IrqMode::kNone && applied.vectors[v].armed;
      EXPECT_EQ(fake.trigger(index, v) >= 0, armed) << v;
    }
  }
  void Interrupt(uint32_t index, uint32_t vector) {
    const uint64_t one = 1;
    ASSERT_EQ(::write(fake.trigger(index, vector), &one, sizeof one), 8);
  }
  size_t VfioCalls() { return fake.irq_calls().size(); }

  test::ScriptedKernel kernel;
  test::FakeVfioDevice fake;
  test::FakeRouter router;
  bool can_grow = true;
  std::optional<vfio::Device> device;
  std::optional<InterruptApplier> applier;
};

TEST_F(ApplyTest, WithoutAMachineNothingIsDone) {
  applier->Disconnect();
  EXPECT_THAT(Reach(Wanted(IrqMode::kMsix, "L")), FailsWith(base::Code::kInternal));
}

TEST_F(ApplyTest, OneEventServesVfioAndKvm) {
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LL")), IsOk());
  ASSERT_EQ(router.connects.size(), 2u);
  EXPECT_EQ(fake.trigger(vfio::kMsixIrq, 0), router.connects[0].event);
  EXPECT_EQ(fake.trigger(vfio::kMsixIrq, 1), router.connects[1].event);
  EXPECT_EQ(router.routes[router.connects[1].gsi], (kvm::MsiMessage{0xfee01000, 0x31}));
  EXPECT_EQ(router.commits, 1u);
  EXPECT_EQ(VfioCalls(), 1u);
  ExpectTruth();
}

TEST_F(ApplyTest, IntxIsALineWithItsEndOfInterrupt) {
  Make({.intx = true});
  ASSERT_THAT(Reach(WantedIntx()), IsOk());
  ASSERT_EQ(router.connects.size(), 1u);
  EXPECT_EQ(router.connects[0].gsi, 17u);
  EXPECT_EQ(fake.trigger(vfio::kIntxIrq, 0), router.connects[0].event);
  EXPECT_EQ(fake.unmask_event(), router.resamples.at(0));
  ASSERT_EQ(VfioCalls(), 2u);
  EXPECT_EQ(router.commits, 0u);
  ASSERT_THAT(Reach({}), IsOk());
  EXPECT_EQ(fake.unmask_event(), -1);
}

TEST_F(ApplyTest, AnInterruptWhileMaskedIsPendingAndSignalledAgain) {
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "L")), IsOk());
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "m")), IsOk());
  EXPECT_FALSE(applier->Pending(0));
  Interrupt(vfio::kMsixIrq, 0);
  EXPECT_TRUE(applier->Pending(0));
  EXPECT_TRUE(applier->Pending(0));
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "L")), IsOk());
  EXPECT_FALSE(applier->Pending(0));
  uint64_t count = 0;
  ASSERT_EQ(::read(fake.trigger(vfio::kMsixIrq, 0), &count, sizeof count), 8);
  EXPECT_EQ(count, 1u);
}

TEST_F(ApplyTest, GrowingSignalsWhatWasArmed) {
  Make({.msix_vectors = 64, .no_resize = true});
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "L")), IsOk());
  fake.ClearIrqCalls();
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLLm")), IsOk());
  EXPECT_EQ(VfioCalls(), 2u);
  ExpectTruth();
  uint64_t count = 0;
  EXPECT_EQ(::read(fake.trigger(vfio::kMsixIrq, 0), &count, sizeof count), 8);
  EXPECT_EQ(::read(fake.trigger(vfio::kMsixIrq, 1), &count, sizeof count), -1);
}

TEST_F(ApplyTest, FewerHostVectorsDegrade) {
  fake.SetFreeVectors(5);
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLLLLLLL")), IsOk());
  EXPECT_TRUE(applier->applied().vectors[4].armed);
  EXPECT_TRUE(applier->applied().vectors[5].refused);
  EXPECT_EQ(applier->applied().host_vectors, 5u);
  EXPECT_EQ(applier->refused(), 3u);
  EXPECT_EQ(VfioCalls(), 2u);
  ExpectTruth();
  fake.ClearIrqCalls();
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLLLLLLL")), IsOk());
  EXPECT_EQ(VfioCalls(), 0u);  // not tried at every access
  ASSERT_THAT(Reach({}), IsOk());
  fake.SetFreeVectors(64);
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLLLLLLL")), IsOk());
  EXPECT_TRUE(applier->applied().vectors[7].armed);
}

TEST_F(ApplyTest, GrowingKeepsWhatWorked) {
  Make({.msix_vectors = 64, .no_resize = true});
  fake.SetFreeVectors(6);
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLLLLmmmmmmmmmmmmmmm")), IsOk());
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLLLLLLLLLLLLLLLLLLL")), IsOk());
  for (unsigned v = 0; v < 5; ++v) EXPECT_TRUE(applier->applied().vectors[v].armed) << v;
  ExpectTruth();
}

TEST_F(ApplyTest, RoutesAndIrqfdsThatRunOutCostOnlyTheirVector) {
  router.gsi_limit = 2;
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLL")), IsOk());
  EXPECT_TRUE(applier->applied().vectors[1].armed);
  EXPECT_TRUE(applier->applied().vectors[2].refused);
  ExpectTruth();
  ASSERT_THAT(Reach({}), IsOk());
  EXPECT_TRUE(router.gsis.empty());
  router.gsi_limit = 64;
  router.connect_limit = router.connects.size() + 1;
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLL")), IsOk());
  EXPECT_TRUE(applier->applied().vectors[0].armed);
  EXPECT_TRUE(applier->applied().vectors[1].refused);
  ExpectTruth();
}

TEST_F(ApplyTest, AFailedCommitIsRepeatedByTheNextChange) {
  router.fail_commits = true;
  EXPECT_THAT(Reach(Wanted(IrqMode::kMsix, "L")), FailsWith(base::Code::kKernel));
  ExpectTruth();
  router.fail_commits = false;
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "L")), IsOk());
  EXPECT_TRUE(applier->applied().vectors[0].armed);
  EXPECT_EQ(router.routes.size(), 1u);
}

// A failure at each VFIO call in turn: what is recorded stays true, and the same wish succeeds
// afterwards.
TEST_F(ApplyTest, AFailureAtEachStepLeavesTheTruth) {
  const std::vector<IrqWanted> path = {
      Wanted(IrqMode::kMsix, "LmLL"), Wanted(IrqMode::kMsix, "LLLLLL"), Wanted(IrqMode::kMsi, "LL"),
      Wanted(IrqMode::kMsi, "LLLL"),  Wanted(IrqMode::kMsix, "m"),      {}};
  for (const bool no_resize : {false, true}) {
    for (unsigned failing = 1; failing < 16; ++failing) {
      Make({.msix_vectors = 64, .no_resize = no_resize});
      kernel.FailCall(failing, EIO);
      for (const IrqWanted& wanted : path) {
        if (!Reach(wanted)) {
          ExpectTruth();
          EXPECT_THAT(Reach(wanted), IsOk());
        }
        ExpectTruth();
        EXPECT_EQ(applier->applied().mode, wanted.mode);
      }
      applier->Disconnect();
      EXPECT_TRUE(router.gsis.empty());
      kernel.FailCall(1000, EIO);
    }
  }
}

TEST_F(ApplyTest, DisconnectGivesEverythingBack) {
  ASSERT_THAT(Reach(Wanted(IrqMode::kMsix, "LLmL")), IsOk());
  applier->Disconnect();
  EXPECT_TRUE(router.gsis.empty());
  EXPECT_EQ(fake.trigger(vfio::kMsixIrq, 0), -1);
  EXPECT_EQ(applier->applied().mode, IrqMode::kNone);
  applier->Disconnect();
}

// Storms of masks, modes and messages: the record is the truth at every moment.
TEST_F(ApplyTest, RandomWishesEndInTheTruth) {
  std::mt19937 random(17);
  for (const bool no_resize : {false, true}) {
    Make({.msix_vectors = 16, .no_resize = no_resize, .intx = true});
    for (unsigned round = 0; round < 1000; ++round) {
      constexpr std::array kModes = {IrqMode::kNone, IrqMode::kIntx, IrqMode::kMsi,
                                     IrqMode::kMsix, IrqMode::kMsix, IrqMode::kMsix};
      IrqWanted wanted{kModes[random() % kModes.size()], {}};
      if (wanted.mode == IrqMode::kIntx) {
        wanted = WantedIntx();
      } else if (wanted.mode != IrqMode::kNone) {
        wanted.vectors.resize(wanted.mode == IrqMode::kMsi ? 1u << random() % 4 : 16);
      }
      for (WantedVector& vector : wanted.vectors) {
        if (wanted.mode == IrqMode::kIntx) break;
        vector = {random() % 2 == 0, {0xfee00000, static_cast<uint32_t>(random() % 4)}};
      }
      ASSERT_THAT(Reach(wanted), IsOk());
      ExpectTruth();
      ASSERT_TRUE(Reconcile(wanted, applier->applied(), can_grow).empty());
      for (uint32_t v = 0; v < wanted.vectors.size(); ++v) {
        ASSERT_EQ(applier->applied().at(v).connected, wanted.vectors[v].live);
        ASSERT_TRUE(!wanted.vectors[v].live || applier->applied().vectors[v].armed);
      }
    }
    applier->Disconnect();
    EXPECT_TRUE(router.gsis.empty());
  }
}

}  // namespace
}  // namespace vmm::assigned
