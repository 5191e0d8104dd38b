#include "sriov/nvme_plan.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;

// QEMU's drive with sriov_vq_flexible=8, sriov_vi_flexible=4 and 4 functions at its start.
NvmePrimary Fresh() { return {0, {8, 0, 8, 9, 2, 1}, {4, 0, 4, 12, 1, 1}}; }

TEST(PlanPrimaryShare, TakesFromThePrimaryOnlyWhatIsNeeded) {
  EXPECT_THAT(PlanPrimaryShare(Fresh(), 4), IsOkAnd(Eq(NvmePrimaryShare{0, 0})));
  EXPECT_THAT(PlanPrimaryShare(Fresh(), 1), IsOkAnd(Eq(NvmePrimaryShare{6, 3})));
}

TEST(PlanPrimaryShare, LeavesAPrimaryThatHasLittleAlone) {
  NvmePrimary primary = Fresh();
  primary.queues.primary = primary.interrupts.primary = 0;
  EXPECT_THAT(PlanPrimaryShare(primary, 4), IsOkAnd(Eq(NvmePrimaryShare{0, 0})));
}

TEST(PlanPrimaryShare, RefusesMoreThanThereIs) {
  NvmePrimary primary = Fresh();
  EXPECT_THAT(PlanPrimaryShare(primary, 5),
              FailsWith(Code::kUnfit, HasSubstr("8 flexible queues")));
  primary.interrupts.total = 3;
  EXPECT_THAT(PlanPrimaryShare(primary, 4), FailsWith(Code::kUnfit, HasSubstr("interrupts")));
}

// A primary controller without queues of its own keeps two.
TEST(PlanPrimaryShare, NeverStripsThePrimary) {
  NvmePrimary primary = Fresh();
  primary.queues.fixed = 0;
  EXPECT_THAT(PlanPrimaryShare(primary, 4), FailsWith(Code::kUnfit));
  EXPECT_THAT(PlanPrimaryShare(primary, 3), IsOkAnd(Eq(NvmePrimaryShare{2, 1})));
}

TEST(DivideResources, GivesEachTheSame) {
  NvmePrimary primary = Fresh();
  primary.queues = {64, 0, 0, 9, 32, 1};
  primary.interrupts = {33, 0, 1, 12, 32, 1};
  EXPECT_THAT(DivideResources(primary, 4), IsOkAnd(Eq(NvmeShare{16, 8})));
  EXPECT_THAT(DivideResources(primary, 1), IsOkAnd(Eq(NvmeShare{32, 32})));
  EXPECT_THAT(DivideResources(primary, 0), IsOkAnd(Eq(NvmeShare{0, 0})));
}

TEST(DivideResources, KeepsToTheStepWhereItCan) {
  NvmePrimary primary = Fresh();
  primary.queues = {64, 0, 0, 9, 32, 8};
  primary.interrupts = {64, 0, 0, 9, 32, 8};
  EXPECT_THAT(DivideResources(primary, 3), IsOkAnd(Eq(NvmeShare{16, 16})));
  EXPECT_THAT(DivideResources(primary, 16), IsOkAnd(Eq(NvmeShare{4, 4})));
}

TEST(DivideResources, RefusesLessThanWorks) {
  EXPECT_THAT(DivideResources(Fresh(), 1), FailsWith(Code::kUnfit));
}

// Whatever the drive says, what is given is there, and never more than one may have.
TEST(DivideResources, NeverGivesMoreThanThereIs) {
  for (uint32_t total = 0; total <= 40; total += 4) {
    for (uint16_t own = 0; own <= 40; own = static_cast<uint16_t>(own + 4)) {
      for (unsigned count = 1; count <= 9; ++count) {
        const NvmePrimary primary = {0, {total, 0, own, 9, 6, 4}, {total, 0, own, 9, 6, 4}};
        const auto share = DivideResources(primary, count);
        if (!share || total == 0) continue;
        EXPECT_LE(own + share->queues * count, total);
        EXPECT_LE(share->queues, 6);
        EXPECT_GE(share->queues, 2);
        EXPECT_GE(share->interrupts, 1);
      }
    }
  }
}

// Functions whose resources are fixed need no commands.
TEST(DivideResources, LeavesFixedKindsAlone) {
  EXPECT_THAT(DivideResources({}, 4), IsOkAnd(Eq(NvmeShare{0, 0})));
  EXPECT_THAT(PlanPrimaryShare({}, 4), IsOkAnd(Eq(NvmePrimaryShare{0, 0})));
  EXPECT_THAT(PlanAssign({1, 1, false, 4, 4}, {0, 0}), IsEmpty());
}

TEST(PlanPrimaryCommands, NamesOnlyWhatChanges) {
  EXPECT_THAT(PlanPrimaryCommands(Fresh(), {8, 4}), IsEmpty());
  EXPECT_THAT(PlanPrimaryCommands(Fresh(), {0, 4}),
              ElementsAre(NvmeCommand{NvmeAction::kPrimaryFlexible, 0, NvmeResource::kQueues, 0}));
}

TEST(PlanAssign, GivesQueuesAndInterrupts) {
  EXPECT_THAT(PlanAssign({3, 3, false, 0, 0}, {2, 1}),
              ElementsAre(NvmeCommand{NvmeAction::kAssign, 3, NvmeResource::kQueues, 2},
                          NvmeCommand{NvmeAction::kAssign, 3, NvmeResource::kInterrupts, 1}));
  EXPECT_THAT(PlanAssign({3, 3, false, 2, 1}, {2, 1}), IsEmpty());
}

TEST(FindSecondary, GoesByTheFunctionsNumber) {
  const std::vector<NvmeSecondary> all = {{9, 2, false, 0, 0}, {4, 1, false, 0, 0}};
  EXPECT_EQ(FindSecondary(all, 0)->controller, 4);
  EXPECT_EQ(FindSecondary(all, 2), std::nullopt);
}

}  // namespace
}  // namespace sriov
