#include "vmm/guest/elf_needs.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "sysfs/base/fd.h"
#include "tests/support/matchers.h"
#include "tests/support/program_files.h"

namespace vmm::guest {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

TEST(ParseNeeds, RefusesWhatIsNoProgram) {
  EXPECT_THAT(ParseNeeds({}), FailsWith(Code::kUsage));
  EXPECT_THAT(ParseNeeds(test::Bytes(200, std::byte{'#'})), FailsWith(Code::kUsage));
}

TEST(ParseNeeds, RefusesADynamicSectionThatPointsOutside) {
  for (const size_t offset : {0x208u, 0x218u}) {
    test::Bytes file = test::MakeProgram("/lib64/ld.so", {"libc.so.6"});
    base::StoreLe<uint64_t>(file, offset, ~uint64_t{0} - 4);
    EXPECT_THAT(ParseNeeds(file), FailsWith(Code::kUsage)) << offset;
  }
  test::Bytes unterminated = test::MakeProgram("", {"libc.so.6"});
  base::StoreLe<uint64_t>(unterminated, 0x208, 0x1f0);
  std::fill(unterminated.begin() + 0x5f0, unterminated.end(), std::byte{'x'});
  EXPECT_THAT(ParseNeeds(unterminated), FailsWith(Code::kUsage));
}

TEST(ParseNeeds, FindsNothingInAStaticProgram) {
  const auto needs = ParseNeeds(test::MakeProgram("", {}));
  ASSERT_THAT(needs, IsOk());
  EXPECT_THAT(needs->interpreter, IsEmpty());
  EXPECT_THAT(needs->libraries, IsEmpty());
}

TEST(ParseNeeds, FindsInterpreterAndLibraries) {
  const auto needs =
      ParseNeeds(test::MakeProgram("/lib64/ld-linux-x86-64.so.2", {"libm.so.6", "libc.so.6"}));
  ASSERT_THAT(needs, IsOk());
  EXPECT_EQ(needs->interpreter, "/lib64/ld-linux-x86-64.so.2");
  EXPECT_THAT(needs->libraries, ElementsAre("libm.so.6", "libc.so.6"));
}

TEST(ParseNeeds, ReadsThisTestItself) {
  const auto text = base::ReadFile("/proc/self/exe", size_t{1} << 30);
  ASSERT_THAT(text, IsOk());
  const auto needs = ParseNeeds(std::as_bytes(std::span(*text)));
  ASSERT_THAT(needs, IsOk());
  EXPECT_TRUE(std::filesystem::exists(needs->interpreter)) << needs->interpreter;
  EXPECT_THAT(needs->libraries, Contains(StartsWith("libc.so")));
}

TEST(ParseNeeds, SurvivesDamagedFiles) {
  unsigned accepted = 0;
  test::ForDamaged(test::MakeProgram("/lib64/ld.so", {"libm.so.6", "libc.so.6"}), 0x420, 5000,
                   [&](const test::Bytes& file) { accepted += ParseNeeds(file) ? 1u : 0u; });
  EXPECT_GT(accepted, 0u);
}

}  // namespace
}  // namespace vmm::guest
