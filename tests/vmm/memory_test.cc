#include "vmm/memory.h"

#include <gmock/gmock.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using base::GuestPhys;
using base::kGiB;
using base::kMiB;
using base::Range;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

GuestMemory TwoBlocks() {
  const std::array ram = {Range{0, 4 * kMiB}, Range{4 * kGiB, 2 * kMiB}};
  auto memory = GuestMemory::Create(ram);
  EXPECT_THAT(memory, IsOk());
  return std::move(*memory);
}

// The flags of the mapping at this address, as proc(5) has them: "rd wr ... dd".
std::string FlagsAt(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    uintptr_t first = 0, end = 0;
    char dash = 0;
    std::istringstream words(line);
    if (words >> std::hex >> first >> dash >> end && dash == '-')
      inside = first <= wanted && wanted < end;
    if (inside && line.starts_with("VmFlags:")) return line;
  }
  return {};
}

TEST(GuestMemory, IsInNoCoreDump) {
  const GuestMemory memory = TwoBlocks();
  for (const GuestMemory::Block& block : memory.blocks()) {
    EXPECT_THAT(FlagsAt(block.mapping.bytes().data()), HasSubstr(" dd"));
    EXPECT_THAT(FlagsAt(&block.mapping.bytes().back()), HasSubstr(" dd"));
  }
}

TEST(GuestMemory, IsMergedOnlyOnRequest) {
  const GuestMemory plain = TwoBlocks();
  EXPECT_THAT(FlagsAt(plain.blocks()[0].mapping.bytes().data()), testing::Not(HasSubstr(" mg")));
  const std::array ram = {Range{0, 4 * kMiB}};
  const auto memory = GuestMemory::Create(ram, Pages::kTransparent, true);
  if (!std::filesystem::exists("/sys/kernel/mm/ksm/run")) {
    EXPECT_THAT(memory, FailsWith(Code::kUnsupported, HasSubstr("KSM")));
    return;
  }
  ASSERT_THAT(memory, IsOk());
  const std::string flags = FlagsAt(memory->blocks()[0].mapping.bytes().data());
  EXPECT_THAT(flags, HasSubstr(" mg"));
  EXPECT_THAT(flags, HasSubstr(" dd"));
  EXPECT_THAT(flags, testing::Not(HasSubstr(" hg")));
}

TEST(GuestMemory, RefusesABlockThatNoHostHas) {
  const std::array ram = {Range{0, uint64_t{1} << 60}};
  EXPECT_THAT(GuestMemory::Create(ram), FailsWith(Code::kKernel, HasSubstr("guest RAM of")));
}

TEST(GuestMemory, BlocksAreTwoMiBAligned) {
  const GuestMemory memory = TwoBlocks();
  ASSERT_EQ(memory.blocks().size(), 2u);
  for (const GuestMemory::Block& block : memory.blocks()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block.mapping.bytes().data()) % (2 * kMiB), 0u);
  }
  EXPECT_EQ(memory.size(), 6 * kMiB);
}

TEST(GuestMemory, AtFindsNothingAcrossOrBetweenBlocks) {
  const GuestMemory memory = TwoBlocks();
  EXPECT_TRUE(memory.At(GuestPhys{4 * kMiB - 1}, 2).empty());
  EXPECT_TRUE(memory.At(GuestPhys{4 * kMiB}, 1).empty());
  EXPECT_TRUE(memory.At(GuestPhys{0}, UINT64_MAX).empty());
  EXPECT_TRUE(memory.At(GuestPhys{UINT64_MAX}, 2).empty());
  EXPECT_EQ(memory.At(GuestPhys{4 * kGiB}, 2 * kMiB).size(), 2 * kMiB);
}

TEST(GuestMemory, StoreRefusesBytesThatDoNotFit) {
  const GuestMemory memory = TwoBlocks();
  EXPECT_THAT(memory.StoreValue(GuestPhys{4 * kMiB - 2}, uint32_t{1}),
              FailsWith(Code::kUsage, HasSubstr("0x3ffffe")));
  EXPECT_THAT(memory.Store(GuestPhys{kGiB}, {}), IsOk());
}

TEST(GuestMemory, StoreReachesTheBytes) {
  const GuestMemory memory = TwoBlocks();
  ASSERT_THAT(memory.StoreValue(GuestPhys{4 * kGiB + 16}, uint16_t{0x1234}), IsOk());
  EXPECT_EQ(memory.At(GuestPhys{4 * kGiB + 16}, 1)[0], std::byte{0x34});
}

}  // namespace
}  // namespace vmm
