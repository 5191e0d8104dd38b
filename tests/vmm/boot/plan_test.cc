#include "vmm/boot/plan.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_files.h"
#include "tests/support/matchers.h"
#include "vmm/boot/low_memory.h"

namespace vmm::boot {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

constexpr uint64_t kRamSize = 256 * base::kMiB;

Layout LayoutOf(uint64_t ram_size) {
  Layout layout;
  layout.ram = {{0, ram_size}};
  layout.ecam = {0xb0000000, 256 * base::kMiB};
  return layout;
}

struct Kernel {
  test::Bytes file = test::MakeBzImage();
  uint64_t initrd_size = 5000;

  BootInput input(std::string_view command_line = "console=ttyS0") const {
    return {file, initrd_size, command_line, 0xe0000};
  }
  base::Result<BootPlan> Plan(const Layout& layout, std::string_view line = "console=ttyS0") const {
    const auto image = ParseBzImage(file, file.size());
    return PlanLinux64(*image, input(line), layout);
  }
};

const Piece* PieceAt(const BootPlan& plan, uint64_t address) {
  for (const Piece& piece : plan.pieces) {
    if (piece.memory.base == address) return &piece;
  }
  return nullptr;
}

void ExpectDisjointInside(const BootPlan& plan, const Layout& layout) {
  for (const Piece& piece : plan.pieces) {
    EXPECT_TRUE(layout.ram.front().Contains(piece.memory));
    EXPECT_LE(piece.size(), piece.memory.size);
    for (const Piece& other : plan.pieces) {
      EXPECT_TRUE(&piece == &other || !piece.memory.Overlaps(other.memory))
          << std::hex << piece.memory.base << " " << other.memory.base;
    }
  }
}

TEST(PlanLinux64, RefusesWhatDoesNotFit) {
  const Kernel kernel;
  EXPECT_THAT(kernel.Plan(LayoutOf(16 * base::kMiB)),
              FailsWith(Code::kUsage, HasSubstr("needs RAM up to 0x1800000")));
  EXPECT_THAT(kernel.Plan(LayoutOf(0x1800000)),
              FailsWith(Code::kUsage, HasSubstr("initrd (4.9 KiB) does not fit")));
  EXPECT_THAT(kernel.Plan(LayoutOf(kRamSize), std::string(2048, 'x')),
              FailsWith(Code::kUsage, HasSubstr("2048 bytes, this kernel takes 2047")));
  EXPECT_THAT(kernel.Plan(LayoutOf(kRamSize), std::string(3, '\0')), FailsWith(Code::kUsage));
}

TEST(PlanLinux64, ALongCommandLineOfTheHeaderIsBoundedByItsRoom) {
  Kernel kernel;
  base::StoreLe<uint32_t>(kernel.file, 0x238, 0xffffffff);
  EXPECT_THAT(kernel.Plan(LayoutOf(kRamSize), std::string(kCommandLineLimit, 'x')),
              FailsWith(Code::kUsage));
  const auto plan = kernel.Plan(LayoutOf(kRamSize), std::string(kCommandLineLimit - 1, 'x'));
  ASSERT_THAT(plan, IsOk());
  ExpectDisjointInside(*plan, LayoutOf(kRamSize));
}

TEST(PlanLinux64, EntersAt0x200BehindTheLoadAddress) {
  const Kernel kernel;
  const auto plan = kernel.Plan(LayoutOf(kRamSize));
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->entry.rip, 0x1000200u);
  EXPECT_EQ(plan->entry.rsi, kBootInfoAddress);
  EXPECT_EQ(plan->entry.cr3, kPageTablesAddress);
  EXPECT_EQ(plan->entry.gdt.value, kGdtAddress);
  const Piece* code = PieceAt(*plan, 0x1000000);
  ASSERT_NE(code, nullptr);
  EXPECT_EQ(code->origin, Origin::kKernel);
  EXPECT_EQ(code->part, (base::Range{1024, 4096}));
  ExpectDisjointInside(*plan, LayoutOf(kRamSize));
}

TEST(PlanLinux64, PutsTheInitrdAsHighAsTheKernelAllows) {
  Kernel kernel;
  const auto high = kernel.Plan(LayoutOf(kRamSize));
  ASSERT_THAT(high, IsOk());
  EXPECT_NE(PieceAt(*high, kRamSize - 2 * base::kPageSize), nullptr);
  base::StoreLe<uint32_t>(kernel.file, 0x22c, 0x37fffff);
  const auto limited = kernel.Plan(LayoutOf(kRamSize));
  ASSERT_THAT(limited, IsOk());
  EXPECT_NE(PieceAt(*limited, 0x3800000 - 2 * base::kPageSize), nullptr);
}

TEST(PlanLinux64, EndsTheCommandLineWithZero) {
  const auto plan = Kernel().Plan(LayoutOf(kRamSize), "quiet");
  ASSERT_THAT(plan, IsOk());
  const Piece* line = PieceAt(*plan, kCommandLineAddress);
  ASSERT_NE(line, nullptr);
  EXPECT_EQ(line->origin, Origin::kMade);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(line->made.data()), line->made.size()),
            std::string("quiet\0", 6));
}

TEST(PlanPvh, ZeroesWhatTheFileDoesNotFill) {
  const test::Bytes file = test::MakeElfKernel();
  const auto kernel = ParsePvh(file);
  ASSERT_THAT(kernel, IsOk());
  const auto plan = PlanPvh(*kernel, {file, 100, "quiet", 0xe0000}, LayoutOf(kRamSize));
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->entry.protocol, Protocol::kPvh);
  EXPECT_EQ(plan->entry.rip, 0x1000040u);
  EXPECT_EQ(plan->entry.rbx, kBootInfoAddress);
  const Piece* data = PieceAt(*plan, 0x1200000);
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(data->memory.size, 0x1100u);
  EXPECT_EQ(data->part, (base::Range{0x600, 0x100}));
  ExpectDisjointInside(*plan, LayoutOf(kRamSize));
}

TEST(PlanPvh, RefusesWhatDoesNotFit) {
  const test::Bytes file = test::MakeElfKernel();
  const auto kernel = ParsePvh(file);
  ASSERT_THAT(kernel, IsOk());
  EXPECT_THAT(PlanPvh(*kernel, {file, 0, "", 0}, LayoutOf(18 * base::kMiB)),
              FailsWith(Code::kUsage, HasSubstr("needs RAM up to")));
  EXPECT_THAT(PlanPvh(*kernel, {file, 0, std::string(2048, 'x'), 0}, LayoutOf(kRamSize)),
              FailsWith(Code::kUsage, HasSubstr("takes 2047")));
}

TEST(MinimumMemory, CountsTheInitrdTwice) {
  EXPECT_EQ(MinimumMemory(64 * base::kMiB, 10 * base::kMiB) - MinimumMemory(64 * base::kMiB, 0),
            20 * base::kMiB);
}

}  // namespace
}  // namespace vmm::boot
