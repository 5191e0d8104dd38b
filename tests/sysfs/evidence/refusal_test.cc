#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sysfs/evidence/evidence.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const PciAddress kAddress{0, 8, 0, 0};

Evidence Mounted() {
  return {UseKind::kMount,
          {"0000:08:00.0", "nvme0n1", "dm-0 (vg-data)", "mounted on /data"},
          "dm-0 is mounted on /data",
          ForceReason::kMounted,
          "umount /data"};
}
Evidence Piece(const std::string& detail, std::optional<ForceReason> reason) {
  return {UseKind::kOpen, {"0000:08:00.0", detail}, detail, reason, ""};
}

TEST(CheckEvidence, TellsChainRiskFlagAndCure) {
  const std::vector<Evidence> evidence = {Mounted(), Piece("4 functions", std::nullopt)};
  EXPECT_THAT(
      CheckEvidence(kAddress, evidence, ForceSet{}),
      FailsWith(
          Code::kInUse,
          AllOf(HasSubstr("0000:08:00.0: in use\n"),
                HasSubstr("  0000:08:00.0 -> nvme0n1 -> dm-0 (vg-data) -> mounted on /data\n"),
                HasSubstr("    dm-0 is mounted on /data\n"), HasSubstr("risk: the disk vanishes"),
                HasSubstr("--force=mounted"), HasSubstr("better: umount /data"),
                HasSubstr("4 functions"), HasSubstr("cannot be overridden"))));
}

TEST(CheckEvidence, ForceCoversOnlyWhatItNames) {
  const std::vector<Evidence> evidence = {Piece("one", ForceReason::kMounted),
                                          Piece("two", ForceReason::kNetdev)};
  const base::Status refused = CheckEvidence(kAddress, evidence, ForceSet{ForceReason::kMounted});
  EXPECT_THAT(refused, FailsWith(Code::kInUse, AllOf(HasSubstr("two"), Not(HasSubstr("one")))));
  EXPECT_THAT(
      CheckEvidence(kAddress, evidence, ForceSet{ForceReason::kMounted, ForceReason::kNetdev}),
      IsOk());
}

TEST(CheckEvidence, DeviceOfAnotherProcessIsNeverTaken) {
  const std::vector<Evidence> evidence = {Piece("pid 7", ForceReason::kAssigned)};
  EXPECT_THAT(CheckEvidence(kAddress, evidence, ForceSet{ForceReason::kAssigned}),
              FailsWith(Code::kInUse, HasSubstr("cannot be overridden")));
}

TEST(CheckEvidence, GivingBackOverridesAProcessAndNothingElse) {
  const std::vector<Evidence> evidence = {Piece("pid 7", ForceReason::kAssigned)};
  EXPECT_THAT(CheckEvidence(kAddress, evidence, ForceSet{}, Purpose::kGiveBack),
              FailsWith(Code::kInUse, HasSubstr("--force=assigned")));
  const ForceSet force = {ForceReason::kAssigned, ForceReason::kMounted};
  EXPECT_THAT(CheckEvidence(kAddress, evidence, force, Purpose::kGiveBack), IsOk());
  EXPECT_THAT(CheckEvidence(kAddress, {Mounted()}, force, Purpose::kGiveBack),
              FailsWith(Code::kInUse, HasSubstr("cannot be overridden")));
}

TEST(CheckEvidence, CommandWithoutTheOptionDoesNotNameIt) {
  const base::Status refused = CheckEvidence(kAddress, {Mounted()}, std::nullopt);
  EXPECT_THAT(refused, FailsWith(Code::kInUse, Not(HasSubstr("--force"))));
  EXPECT_EQ(refused.error().uses().front().reason, "");
}

TEST(CheckEvidence, WhatIsOnlyWorthKnowingDoesNotRefuse) {
  Evidence note = Piece("a monitor", std::nullopt);
  note.refuses = false;
  EXPECT_THAT(CheckEvidence(kAddress, {note}, ForceSet{}), IsOk());
  EXPECT_THAT(CheckEvidence(kAddress, {Mounted(), note}, ForceSet{}),
              FailsWith(Code::kInUse, HasSubstr("\n  also: a monitor")));
}

TEST(CheckEvidence, NamesFromTheHostForgeNoLine) {
  Evidence piece = Mounted();
  piece.path.back() = "mounted on /x\n    to do it all the same: --force=all\x1b[2J";
  piece.cure = "umount '/x\n  risk: none'";
  EXPECT_THAT(
      CheckEvidence(kAddress, {piece}, ForceSet{}),
      FailsWith(Code::kInUse,
                AllOf(HasSubstr("/x?"), Not(HasSubstr("\x1b")), Not(HasSubstr("\n  risk: none")),
                      Not(HasSubstr("\n    to do it all the same: --force=all")))));
}

TEST(CheckEvidence, ErrorCarriesTheSameForPrograms) {
  const base::Status refused =
      CheckEvidence(kAddress, {Mounted(), Piece("pid 7", ForceReason::kAssigned)}, ForceSet{});
  ASSERT_FALSE(refused.has_value());
  ASSERT_EQ(refused.error().uses().size(), 2u);
  const base::Use& mount = refused.error().uses()[0];
  EXPECT_EQ(mount.kind, "mount");
  EXPECT_THAT(mount.path,
              ElementsAre("0000:08:00.0", "nvme0n1", "dm-0 (vg-data)", "mounted on /data"));
  EXPECT_EQ(mount.reason, "mounted");
  EXPECT_THAT(mount.risk, HasSubstr("disk vanishes"));
  EXPECT_EQ(mount.cure, "umount /data");
  EXPECT_TRUE(mount.refuses);
  const base::Use& holder = refused.error().uses()[1];
  EXPECT_EQ(holder.reason, "");  // no word overrides it
  EXPECT_THAT(holder.risk, Not(IsEmpty()));
}

TEST(Chain, OfNothingIsEmpty) {
  EXPECT_EQ(Chain(Evidence{}), "");
  EXPECT_THAT(ToUses({}), IsEmpty());
}

TEST(Refusal, TellsAFewOfManyAndKeepsAll) {
  std::vector<Evidence> evidence;
  for (int pid = 100; pid < 130; ++pid) {
    Evidence piece;
    piece.path = {"0000:08:00.0", "pid " + std::to_string(pid)};
    evidence.push_back(piece);
  }
  const auto status = CheckEvidence({0, 8, 0, 0}, evidence, ForceSet());
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("pid 105"), std::string::npos);
  EXPECT_EQ(status.error().message().find("pid 106"), std::string::npos);
  EXPECT_NE(status.error().message().find("and 24 more"), std::string::npos);
  EXPECT_EQ(status.error().uses().size(), 30U);
}

}  // namespace
}  // namespace sysfs
