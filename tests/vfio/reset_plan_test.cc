#include "vfio/reset_plan.h"

#include <gmock/gmock.h>

namespace vfio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr sysfs::PciAddress kA{0, 5, 1, 0};
constexpr sysfs::PciAddress kB{0, 5, 2, 0};
constexpr sysfs::PciAddress kC{0, 5, 3, 0};

ResetFacts Facts(const sysfs::PciAddress& device, std::vector<std::string> methods, bool own,
                 std::optional<std::vector<ResetMember>> set = {}) {
  return {device, {std::move(methods)}, own, std::move(set)};
}

ResetScope PlanOne(const ResetFacts& facts) { return PlanResets({&facts, 1}).front(); }

TEST(PlanResets, AFunctionLevelResetComesFirst) {
  const ResetScope scope = PlanOne(Facts(kA, {"flr", "bus"}, true, {{{kA, true}, {kB, false}}}));
  EXPECT_EQ(scope.kind, ResetKind::kFunction);
  EXPECT_EQ(scope.method, "flr");
  EXPECT_TRUE(scope.complete());
  EXPECT_EQ(scope.Text(), "function reset (flr)");
}

TEST(PlanResets, ItsBusGoesBeforeItsPowerState) {
  const ResetScope scope = PlanOne(Facts(kA, {"pm", "bus"}, true, {{{kA, true}}}));
  EXPECT_EQ(scope.kind, ResetKind::kHot);
  EXPECT_EQ(scope.leader, kA);
  EXPECT_THAT(scope.together, IsEmpty());
  EXPECT_EQ(scope.Text(), "bus reset, of it alone");
}

TEST(PlanResets, ASetOfOursIsResetOnce) {
  const std::vector<ResetMember> set = {{kA, true}, {kB, true}};
  const ResetFacts facts[] = {Facts(kA, {"bus"}, false, set), Facts(kB, {}, false, set)};
  const auto scopes = PlanResets(facts);
  EXPECT_EQ(scopes[0].kind, ResetKind::kHot);
  EXPECT_EQ(scopes[0].leader, kA);
  EXPECT_EQ(scopes[1].kind, ResetKind::kHot);
  EXPECT_EQ(scopes[1].leader, kA);
  EXPECT_EQ(scopes[1].Text(), "bus reset, together with 0000:05:01.0");
}

TEST(PlanResets, WhatIsResetWithItsBusIsNotResetAgain) {
  const ResetFacts facts[] = {Facts(kB, {"flr"}, true),
                              Facts(kA, {"bus"}, false, {{{kA, true}, {kB, true}, {kC, true}}})};
  const auto scopes = PlanResets(facts);
  EXPECT_EQ(scopes[0].kind, ResetKind::kHot);
  EXPECT_EQ(scopes[0].leader, kA);
  EXPECT_THAT(scopes[0].together, ElementsAre(kA, kC));
  EXPECT_EQ(scopes[1].leader, kA);
}

TEST(PlanResets, WhatIsNotOursIsSpared) {
  const std::vector<ResetMember> set = {{kA, true}, {kB, false}};
  const ResetScope power = PlanOne(Facts(kA, {"pm"}, true, set));
  EXPECT_EQ(power.kind, ResetKind::kFunction);
  EXPECT_FALSE(power.complete());
  EXPECT_EQ(power.Text(),
            "by its power state, which may leave state behind (pm); a bus reset would take "
            "0000:05:02.0, not of this machine");
  const ResetScope none = PlanOne(Facts(kA, {"bus"}, false, set));
  EXPECT_EQ(none.kind, ResetKind::kNone);
  EXPECT_THAT(none.in_the_way, ElementsAre(kB));
  EXPECT_EQ(none.Text(), "none; a bus reset would take 0000:05:02.0, not of this machine");
}

TEST(PlanResets, NoneIsSaid) {
  const ResetScope scope = PlanOne(Facts(kA, {}, false));
  EXPECT_EQ(scope.kind, ResetKind::kNone);
  EXPECT_FALSE(scope.complete());
  EXPECT_EQ(scope.Text(), "none: the kernel knows no way");
}

TEST(PlanResets, AnOwnResetWithoutNamesIsOne) {
  EXPECT_EQ(PlanOne(Facts(kA, {}, true)).Text(), "function reset");
  EXPECT_EQ(PlanOne(Facts(kA, {"bus"}, true)).Text(), "function reset (bus)");
}

}  // namespace
}  // namespace vfio
