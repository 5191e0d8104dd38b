#include "vmm/boot/boot_params.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_files.h"
#include "tests/support/matchers.h"

namespace vmm::boot {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::Each;

// zero-page.rst, and the offsets of boot.rst.
TEST(MakeBootParams, FillsWhatTheLoaderOwes) {
  const test::Bytes file = test::MakeBzImage();
  const BootParams params{std::span(file).subspan(0x1f1, 0x26c - 0x1f1),
                          0x1000000,
                          0x20000,
                          {0x7000000, 0x12345},
                          0xe0000,
                          {{{0, 0xa0000}, MapType::kRam}, {{0xe0000, 0x20000}, MapType::kAcpi}}};
  const auto page = MakeBootParams(params);
  ASSERT_THAT(page, IsOk());
  ASSERT_EQ(page->size(), base::kPageSize);
  EXPECT_EQ(base::LoadLe<uint64_t>(*page, 0x070), 0xe0000u);
  EXPECT_EQ(base::LoadLe<uint8_t>(*page, 0x1e8), 2);
  EXPECT_EQ(base::LoadLe<uint8_t>(*page, 0x1ef), 0) << "the sentinel";
  EXPECT_EQ(base::LoadLe<uint32_t>(*page, 0x202), 0x53726448u) << "HdrS is copied";
  EXPECT_EQ(base::LoadLe<uint8_t>(*page, 0x210), 0xff);
  EXPECT_EQ(base::LoadLe<uint32_t>(*page, 0x214), 0x1000000u);
  EXPECT_EQ(base::LoadLe<uint32_t>(*page, 0x218), 0x7000000u);
  EXPECT_EQ(base::LoadLe<uint32_t>(*page, 0x21c), 0x12345u);
  EXPECT_EQ(base::LoadLe<uint32_t>(*page, 0x228), 0x20000u);
  EXPECT_EQ(base::LoadLe<uint64_t>(*page, 0x2d0 + 20), 0xe0000u);
  EXPECT_EQ(base::LoadLe<uint64_t>(*page, 0x2d0 + 28), 0x20000u);
  EXPECT_EQ(base::LoadLe<uint32_t>(*page, 0x2d0 + 36), 3u);
}

TEST(MakeBootParams, TakesNoPointersFromTheFile) {
  const test::Bytes header(0x200, std::byte{0xff});
  const auto page = MakeBootParams({header, 0x1000000, 0x20000, {}, 0xe0000, {}});
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(base::LoadLe<uint64_t>(*page, 0x250), 0u) << "setup_data";
  EXPECT_EQ(base::LoadLe<uint8_t>(*page, 0x211), 1) << "loadflags";
  EXPECT_EQ(base::LoadLe<uint32_t>(*page, 0x21c), 0u) << "ramdisk_size";
  EXPECT_THAT(std::span(*page).subspan(0x290), Each(std::byte{0}));
}

TEST(MakeBootParams, RefusesMoreEntriesThanThePageHas) {
  BootParams params;
  params.memory_map.resize(129);
  EXPECT_THAT(MakeBootParams(params), FailsWith(base::Code::kInternal));
  params.memory_map.resize(128);
  EXPECT_THAT(MakeBootParams(params), IsOk());
}

}  // namespace
}  // namespace vmm::boot
