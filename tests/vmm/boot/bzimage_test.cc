#include "vmm/boot/bzimage.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <span>

#include "tests/support/kernel_files.h"
#include "tests/support/matchers.h"
#include "vmm/boot/recognise.h"

namespace vmm::boot {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

base::Result<BzImage> Parse(std::span<const std::byte> file) {
  return ParseBzImage(file.first(std::min(file.size(), kRecogniseBytes)), file.size());
}

template <class Unsigned>
test::Bytes With(size_t offset, Unsigned value) {
  test::Bytes file = test::MakeBzImage();
  base::StoreLe<Unsigned>(file, offset, value);
  return file;
}

TEST(ParseBzImage, RefusesOldAnd32BitKernels) {
  EXPECT_THAT(Parse(With<uint16_t>(0x206, 0x020b)),
              FailsWith(Code::kUsage, HasSubstr("protocol 2.11")));
  EXPECT_THAT(Parse(With<uint16_t>(0x236, 2)), FailsWith(Code::kUsage, HasSubstr("32-bit kernel")));
  EXPECT_THAT(Parse(With<uint8_t>(0x211, 0)), FailsWith(Code::kUsage, HasSubstr("zImage")));
}

TEST(ParseBzImage, RefusesFieldsThatMakeNoSense) {
  EXPECT_THAT(Parse(With<uint8_t>(0x201, 0x61)), FailsWith(Code::kUsage, HasSubstr("init_size")));
  EXPECT_THAT(Parse(With<uint32_t>(0x1f4, 0)), FailsWith(Code::kUsage, HasSubstr("syssize")));
  EXPECT_THAT(Parse(With<uint32_t>(0x1f4, 0xffffffff)),
              FailsWith(Code::kUsage, HasSubstr("truncated")));
  EXPECT_THAT(Parse(With<uint64_t>(0x258, 0)), FailsWith(Code::kUsage, HasSubstr("outside")));
  EXPECT_THAT(Parse(With<uint64_t>(0x258, ~uint64_t{0} << 21)),
              FailsWith(Code::kUsage, HasSubstr("outside")));
  EXPECT_THAT(Parse(With<uint32_t>(0x260, 0xffffffff)),
              FailsWith(Code::kUsage, HasSubstr("outside")));
  EXPECT_THAT(Parse(With<uint32_t>(0x230, 0x300000)),
              FailsWith(Code::kUsage, HasSubstr("alignment")));
  EXPECT_THAT(Parse(With<uint64_t>(0x258, 0x1100000)),
              FailsWith(Code::kUsage, HasSubstr("alignment")));
}

TEST(ParseBzImage, RefusesTruncationAtEveryOffset) {
  const test::Bytes file = test::MakeBzImage();
  // The last paragraph may be cut: syssize is rounded up.
  for (size_t size = 0; size <= file.size() - 16; ++size) {
    EXPECT_THAT(Parse(std::span(file).first(size)), FailsWith(Code::kUsage)) << size;
  }
  EXPECT_THAT(Parse(std::span(file).first(file.size() - 15)), IsOk());
}

TEST(ParseBzImage, ReadsTheHeader) {
  const auto image = Parse(test::MakeBzImage());
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->version, 0x020f);
  EXPECT_EQ(image->header, (base::Range{0x1f1, 0x26c - 0x1f1}));
  EXPECT_EQ(image->payload, (base::Range{1024, 4096}));
  EXPECT_EQ(image->load_address, 0x1000000u);
  EXPECT_EQ(image->end(), 0x1800000u);
  EXPECT_EQ(image->initrd_last, 0x7fffffffu);
  EXPECT_EQ(image->command_line_size, 2047u);
}

// boot.rst: "If this field is 0, assume 4".
TEST(ParseBzImage, TakesZeroSetupSectorsAsFour) {
  test::Bytes file = With<uint8_t>(0x1f1, 0);
  file.resize(5 * 512 + 4096);
  const auto image = Parse(file);
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->payload.base, 5u * 512);
}

TEST(ParseBzImage, LeavesOutTheSignatureBehindTheCode) {
  test::Bytes file = test::MakeBzImage();
  file.resize(file.size() + 1500);
  const auto image = Parse(file);
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->payload.size, 4096u);
}

TEST(ParseBzImage, KeepsItsPromisesForDamagedFiles) {
  unsigned accepted = 0;
  test::ForDamaged(test::MakeBzImage(), 0x270, 5000, [&](const test::Bytes& file) {
    const auto image = Parse(file);
    if (!image) return;
    ++accepted;
    const base::Range whole{0, file.size()};
    ASSERT_TRUE(whole.Contains(image->header));
    ASSERT_TRUE(whole.Contains(image->payload));
    ASSERT_GE(image->memory_size, image->payload.size);
    ASSERT_GE(image->load_address, base::kMiB);
    ASSERT_LE(image->end(), 4 * base::kGiB);
  });
  EXPECT_GT(accepted, 0u);
}

test::Bytes Named(std::string_view release) {
  test::Bytes file = With<uint16_t>(0x20e, 0x100);
  test::StoreText(file, 0x300, release);
  return file;
}

TEST(ReleaseOf, IsNothingForWhatIsNoRelease) {
  EXPECT_EQ(ReleaseOf({}), std::nullopt);
  EXPECT_EQ(ReleaseOf(test::MakeBzImage()), std::nullopt);
  EXPECT_EQ(ReleaseOf(test::MakeElfKernel()), std::nullopt);
  EXPECT_EQ(ReleaseOf(With<uint16_t>(0x20e, 0xffff)), std::nullopt);
  EXPECT_EQ(ReleaseOf(Named("")), std::nullopt);
  EXPECT_EQ(ReleaseOf(Named("../../etc ")), std::nullopt);
  EXPECT_EQ(ReleaseOf(Named("a/b ")), std::nullopt);
  EXPECT_EQ(ReleaseOf(Named(std::string(64, '6'))), std::nullopt);
}

TEST(ReleaseOf, EndsAtTheBuildersName) {
  EXPECT_EQ(ReleaseOf(Named("6.12.1+deb12-amd64 (builder@host) #1 SMP")), "6.12.1+deb12-amd64");
}

}  // namespace
}  // namespace vmm::boot
