#include "cli/diagnosis/finding_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/fake_tree.h"

namespace cli {
namespace {

class FindingOutput : public testing::Test {
 protected:
  std::ostringstream out_;
  std::ostringstream err_;
  Context context_{std::make_unique<test::FakeTree>(), out_, err_};
};

TEST_F(FindingOutput, AlignsGradesChecksAndCures) {
  EXPECT_EQ(FindingsText(context_, {sysfs::Good("iommu", "on"),
                                    sysfs::Warning("reset", "none", "stop the host")}),
            "  good     iommu  on\n"
            "  warning  reset  none\n"
            "                  cure: stop the host\n");
}

TEST_F(FindingOutput, WrapsUnderTheStartOfTheText) {
  context_.width = 60;
  const std::string text =
      FindingsText(context_, {sysfs::Note("a", std::string(30, 'x') + " " + std::string(30, 'y'))});
  EXPECT_EQ(text, "  note     a  " + std::string(30, 'x') + "\n" + std::string(14, ' ') +
                      std::string(30, 'y') + "\n");
}

TEST_F(FindingOutput, ControlBytesDoNotReachTheTerminal) {
  EXPECT_EQ(FindingsText(context_, {sysfs::Note("a", "x\x1b[31m")}).find('\x1b'),
            std::string::npos);
}

TEST_F(FindingOutput, JsonHasNullWhereThereIsNothing) {
  const Json json = FindingsJson(
      {sysfs::Good("iommu", "on"), sysfs::Blocks("use", base::Code::kInUse, "taken", "free it")});
  EXPECT_TRUE(json.at(0).at("cure").is_null());
  EXPECT_TRUE(json.at(0).at("exit").is_null());
  EXPECT_EQ(json.at(1).at("cure"), "free it");
  EXPECT_EQ(json.at(1).at("exit"), 4);
}

TEST_F(FindingOutput, Counts) {
  sysfs::Verdict verdict;
  EXPECT_EQ(CountText(verdict), "");
  verdict.warnings = 1;
  EXPECT_EQ(CountText(verdict), "1 warning");
  verdict.blockers = 2;
  EXPECT_EQ(CountText(verdict), "2 blockers, 1 warning");
}

}  // namespace
}  // namespace cli
