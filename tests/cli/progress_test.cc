#include "cli/progress.h"

#include <gmock/gmock.h>

#include <memory>
#include <sstream>

#include "tests/support/fake_tree.h"

namespace cli {
namespace {

using testing::HasSubstr;

TEST(ProgressBar, SaysHowFarItIs) {
  EXPECT_EQ(ProgressBar(2, 4, "2 of 4 virtual functions"),
            "[################................] 2 of 4 virtual functions");
  EXPECT_EQ(ProgressBar(4, 4, "4 of 4 virtual functions"),
            "[################################] 4 of 4 virtual functions");
}

TEST(ByteProgress, IsSilentWithoutATerminalAndWhenTheWorkIsShort) {
  std::ostringstream out, err;
  Context context(std::make_unique<test::FakeTree>(), out, err);
  EXPECT_FALSE(ByteProgress(context, "of RAM"));
  context.progress = true;
  const auto progress = ByteProgress(context, "of RAM");
  progress(1, 2);
  progress(2, 2);
  EXPECT_EQ(err.str(), "");
}

TEST(ByteProgress, ShowsBytesAndTakesTheLineAway) {
  std::ostringstream out, err;
  Context context(std::make_unique<test::FakeTree>(), out, err);
  context.progress = true;
  auto progress = ByteProgress(context, "of RAM");
  const auto start = std::chrono::steady_clock::now();
  while (err.str().empty()) {
    progress(1 << 20, 4 << 20);
    ASSERT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(1));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
  EXPECT_EQ(err.str(), "\r[########........................] 1 MiB of 4 MiB of RAM");
  progress(4 << 20, 4 << 20);
  EXPECT_THAT(err.str(), HasSubstr("\r\033[K"));
  EXPECT_EQ(out.str(), "");
}

TEST(WaitLine, IsDrawnOverItselfOnATerminalAndGoes) {
  std::ostringstream out, err;
  Context context(std::make_unique<test::FakeTree>(), out, err);
  context.progress = true;
  WaitLine line(context);
  line("one");
  line("two");
  EXPECT_EQ(err.str(), "\rone\033[K\rtwo\033[K");
  line("");
  line("");
  EXPECT_EQ(err.str(), "\rone\033[K\rtwo\033[K\r\033[K");
}

TEST(WaitLine, SaysElsewhereWhatEachWaitBeginsWith) {
  std::ostringstream out, err;
  Context context(std::make_unique<test::FakeTree>(), out, err);
  WaitLine line(context);
  for (const char* text : {"one", "two", "", "three", ""}) line(text);
  EXPECT_EQ(err.str(), "one\nthree\n");
}

}  // namespace
}  // namespace cli
