#include "sysfs/diagnosis/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::Field;

const std::vector<Finding> kMixed = {
    Good("a", "fine"), Warning("b", "risky"), Blocks("c", base::Code::kInUse, "taken", "free it"),
    Note("d", "by the way"), Blocks("e", base::Code::kUnfit, "unfit", "")};

TEST(Finding, TheVerdictCountsAndTakesTheFirstBlockersCode) {
  const Verdict verdict = Judge(kMixed);
  EXPECT_EQ(verdict.worst, Grade::kBlocker);
  EXPECT_EQ(verdict.blockers, 2U);
  EXPECT_EQ(verdict.warnings, 1U);
  EXPECT_EQ(verdict.unknowns, 0U);
  EXPECT_EQ(verdict.code, base::Code::kInUse);
}

TEST(Finding, NothingFoundIsGood) {
  const Verdict verdict = Judge({});
  EXPECT_EQ(verdict.worst, Grade::kGood);
  EXPECT_EQ(verdict.blockers, 0U);
}

TEST(Finding, SortingKeepsTheOrderWithinAGrade) {
  std::vector<Finding> findings = kMixed;
  SortByGrade(findings);
  EXPECT_THAT(findings, ElementsAre(Field(&Finding::check, "c"), Field(&Finding::check, "e"),
                                    Field(&Finding::check, "b"), Field(&Finding::check, "d"),
                                    Field(&Finding::check, "a")));
}

TEST(Finding, AnErrorKeepsItsCodeAndCureWithoutTheObject) {
  const base::Error error = base::Error(base::Code::kUnfit, "0000:08:00.0: is a bridge")
                                .WithHint("name the devices behind it");
  const Finding finding = Blocks("group", error, "0000:08:00.0: ");
  EXPECT_EQ(finding.text, "is a bridge");
  EXPECT_EQ(finding.cure, "name the devices behind it");
  EXPECT_EQ(finding.code, base::Code::kUnfit);
  EXPECT_EQ(Blocks("group", error, "0000:09:00.0: ").text, "0000:08:00.0: is a bridge");
}

TEST(Finding, EveryGradeHasAName) {
  for (const Grade grade :
       {Grade::kGood, Grade::kNote, Grade::kUnknown, Grade::kWarning, Grade::kBlocker}) {
    EXPECT_FALSE(Name(grade).empty());
  }
  EXPECT_EQ(Name(Grade::kBlocker), "blocker");
}

}  // namespace
}  // namespace sysfs
