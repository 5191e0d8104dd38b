#include "cli/report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/fake_tree.h"

namespace cli {
namespace {

class Report : public testing::Test {
 protected:
  std::ostringstream out_;
  std::ostringstream err_;
  Context context_{std::make_unique<test::FakeTree>(), out_, err_};
};

TEST_F(Report, TextGoesToStandardError) {
  ReportError("vassign", base::Error(base::Code::kInUse, "0000:08:00.0: bound").WithHint("wait"),
              context_);
  EXPECT_EQ(err_.str(), "vassign: 0000:08:00.0: bound\n  cure: wait\n");
  EXPECT_EQ(out_.str(), "");
}

TEST_F(Report, NoHintNoCure) {
  ReportError("vmm", base::Error(base::Code::kInternal, "lost"), context_);
  EXPECT_EQ(err_.str(), "vmm: lost\n");
}

TEST_F(Report, JsonGoesToStandardOutput) {
  context_.json = true;
  ReportError("vassign", base::Error(base::Code::kKernel, "bind: \xff", 16).WithHint("dmesg"),
              context_);
  const auto error = nlohmann::json::parse(out_.str())["error"];
  EXPECT_EQ(error["code"], "kernel");
  EXPECT_EQ(error["exit"], 7);
  EXPECT_EQ(error["errno"], 16);
  EXPECT_EQ(error["hint"], "dmesg");
  EXPECT_EQ(error["message"], "bind: \xEF\xBF\xBD");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Report, AbsentFactsAreNull) {
  context_.json = true;
  ReportError("vassign", base::Error(base::Code::kUsage, "wrong"), context_);
  const auto error = nlohmann::json::parse(out_.str())["error"];
  EXPECT_TRUE(error["hint"].is_null());
  EXPECT_TRUE(error["errno"].is_null());
}

}  // namespace
}  // namespace cli
