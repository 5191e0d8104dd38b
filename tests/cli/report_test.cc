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

TEST_F(Report, UsesAreToldAsTheyAre) {
  context_.json = true;
  const base::Use mount = {
      "mount",       "sda is mounted on /data", {"0000:08:00.0", "sda"}, "mounted", "I/O errors",
      "umount /data"};
  const base::Use note = {"usb", "a webcam", {"0000:08:00.0"}, "", "", "", false};
  ReportError("vassign", base::Error(base::Code::kInUse, "in use").WithUses({mount, note}),
              context_);
  const auto uses = nlohmann::json::parse(out_.str())["error"]["in_use"];
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0]["kind"], "mount");
  EXPECT_EQ(uses[0]["path"], nlohmann::json({"0000:08:00.0", "sda"}));
  EXPECT_EQ(uses[0]["reason"], "mounted");
  EXPECT_EQ(uses[0]["risk"], "I/O errors");
  EXPECT_EQ(uses[0]["cure"], "umount /data");
  EXPECT_EQ(uses[0]["severity"], "refuse");
  EXPECT_EQ(uses[1]["severity"], "warn");
  for (const char* absent : {"reason", "risk", "cure"}) EXPECT_TRUE(uses[1][absent].is_null());
}

TEST_F(Report, ErrorOfAnotherKindHasNoUses) {
  context_.json = true;
  ReportError("vassign", base::Error(base::Code::kUsage, "wrong"), context_);
  EXPECT_FALSE(nlohmann::json::parse(out_.str())["error"].contains("in_use"));
}

TEST_F(Report, WhatTheKernelSaidFollows) {
  context_.kernel_log = [] {
    return "igb 0000:09:00.0: another device\n"
           "igb 0000:08:00.0: \x1b[1mfailed with error -12\n";
  };
  const base::Error error(base::Code::kKernel, "give 0000:08:00.0 to igb: no");
  ReportError("vassign", error, context_);
  EXPECT_EQ(err_.str(),
            "vassign: give 0000:08:00.0 to igb: no\n"
            "  kernel: igb 0000:08:00.0: ?[1mfailed with error -12\n"
            "    meaning: the driver gave up on the device: Cannot allocate memory\n");
  context_.json = true;
  ReportError("vassign", error, context_);
  const auto lines = nlohmann::json::parse(out_.str())["error"]["kernel_log"];
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["meaning"], "the driver gave up on the device: Cannot allocate memory");
  EXPECT_TRUE(lines[0]["cure"].is_null());
}

TEST_F(Report, TheKernelIsNotAskedAboutWhatIsNoChange) {
  context_.kernel_log = [] { return "vfio-pci 0000:08:00.0: not ready\n"; };
  for (const base::Code code : {base::Code::kUsage, base::Code::kInUse, base::Code::kUnfit}) {
    ReportError("vassign", base::Error(code, "0000:08:00.0: no"), context_);
  }
  EXPECT_EQ(err_.str().find("kernel:"), std::string::npos) << err_.str();
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
