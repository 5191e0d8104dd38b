#include "vmm/boot/boot.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/command.h"
#include "tests/support/kernel_files.h"
#include "tests/support/matchers.h"
#include "vmm/boot/low_memory.h"

namespace vmm::boot {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kRamSize = 96 * base::kMiB;

Layout LayoutOf(uint64_t ram_size) {
  Layout layout;
  layout.ram = {{0, ram_size}};
  return layout;
}

class BootImageTest : public testing::Test {
 protected:
  base::Result<BootImage> Open(const test::Bytes& kernel, uint64_t ram_size = kRamSize) {
    BootRequest request;
    request.kernel_path = folder_.Write("kernel", kernel);
    request.initrd = initrd_;
    request.command_line = "console=ttyS0";
    request.acpi_rsdp = {0xe0000};
    return BootImage::Open(request, LayoutOf(ram_size));
  }

  test::TemporaryFolder folder_;
  test::Bytes initrd_ = test::Bytes(5000, std::byte{7});
};

TEST_F(BootImageTest, NamesTheFileThatIsNoKernel) {
  EXPECT_THAT(Open(test::Bytes(100, std::byte{'x'})),
              FailsWith(Code::kUsage, AllOf(HasSubstr("/kernel: "), HasSubstr("not a kernel"))));
  EXPECT_THAT(Open({}), FailsWith(Code::kUsage, HasSubstr("/kernel: the file is empty")));
  test::Bytes file = test::MakeBzImage();
  file.resize(2000);
  EXPECT_THAT(Open(file),
              FailsWith(Code::kUsage, AllOf(HasSubstr("/kernel: "), HasSubstr("truncated"))));
}

TEST_F(BootImageTest, SaysHowMuchMemoryIsNeeded) {
  const auto image = Open(test::MakeBzImage(), 32 * base::kMiB);
  EXPECT_THAT(image, FailsWith(Code::kUsage, HasSubstr("needs 42 MiB of memory, the guest has 32 "
                                                       "MiB")));
  EXPECT_EQ(image.error().hint(), "give --memory 42M");
}

TEST_F(BootImageTest, LooksOnlyAtWhatItLoads) {
  const std::string path = folder_.Write("kernel", test::MakeBzImage());
  std::filesystem::resize_file(path, uint64_t{1} << 40);
  BootRequest request;
  request.kernel_path = path;
  EXPECT_THAT(BootImage::Open(request, LayoutOf(kRamSize)), IsOk());
  request.initrd_path = path;
  EXPECT_THAT(BootImage::Open(request, LayoutOf(kRamSize)),
              FailsWith(Code::kUsage, HasSubstr("needs 2")));
}

TEST_F(BootImageTest, NamesTheInitrdThatIsWrong) {
  BootRequest request;
  request.kernel_path = folder_.Write("kernel", test::MakeBzImage());
  request.initrd_path = "/nowhere/initrd";
  EXPECT_THAT(BootImage::Open(request, LayoutOf(kRamSize)),
              FailsWith(Code::kUsage, HasSubstr("/nowhere/initrd: No such file")));
  request.initrd_path = folder_.path().string();
  EXPECT_THAT(BootImage::Open(request, LayoutOf(kRamSize)),
              FailsWith(Code::kUsage, HasSubstr("is a directory")));
  request.initrd_path = folder_.Write("initrd", test::Bytes(30 * base::kMiB));
  EXPECT_THAT(BootImage::Open(request, LayoutOf(kRamSize)),
              FailsWith(Code::kUsage, HasSubstr("needs 100 MiB")));
}

class LoadTest : public BootImageTest {
 protected:
  void SetUp() override {
    auto memory = GuestMemory::Create(layout_.ram);
    ASSERT_THAT(memory, IsOk());
    memory_ = *std::move(memory);
  }
  std::span<std::byte> At(uint64_t address, uint64_t size) const {
    return memory_.At({address}, size);
  }

  Layout layout_ = LayoutOf(kRamSize);
  GuestMemory memory_;
};

TEST_F(LoadTest, PutsABzImageWithItsInitrdIntoMemory) {
  auto image = Open(test::MakeBzImage());
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->protocol(), Protocol::kLinux64);
  EXPECT_LE(image->minimum_memory(), kRamSize);
  const auto entry = image->Load(memory_, layout_);
  ASSERT_THAT(entry, IsOk());
  EXPECT_EQ(entry->rip, 0x1000200u);
  EXPECT_EQ(At(entry->rip, 1)[0], std::byte{0x90});
  const auto params = At(entry->rsi, base::kPageSize);
  const auto initrd = base::LoadLe<uint32_t>(params, 0x218);
  EXPECT_TRUE(std::ranges::equal(At(initrd, 5000), initrd_));
}

// A reboot finds the old kernel's data in memory, and perhaps another file at the path.
TEST_F(LoadTest, LoadsTheSameBytesAgain) {
  auto image = Open(test::MakeElfKernel());
  ASSERT_THAT(image, IsOk());
  EXPECT_EQ(image->protocol(), Protocol::kPvh);
  std::filesystem::rename(folder_.Write("new", test::Bytes(100)), folder_.path() / "kernel");
  std::ranges::fill(At(0x1200000, 0x1100), std::byte{0xee});
  const auto entry = image->Load(memory_, layout_);
  ASSERT_THAT(entry, IsOk());
  EXPECT_EQ(entry->rbx, kBootInfoAddress);
  EXPECT_THAT(At(0x1200000, 0x100), testing::Each(std::byte{0xbb}));
  EXPECT_THAT(At(0x1200100, 0x1000), testing::Each(std::byte{0}));
}

TEST_F(LoadTest, TakesAnInitrdFromItsFile) {
  BootRequest request;
  request.kernel_path = folder_.Write("kernel", test::MakeBzImage());
  request.initrd_path = folder_.Write("initrd", initrd_);
  auto image = BootImage::Open(request, layout_);
  ASSERT_THAT(image, IsOk());
  const auto entry = image->Load(memory_, layout_);
  ASSERT_THAT(entry, IsOk());
  const auto params = At(entry->rsi, base::kPageSize);
  EXPECT_EQ(base::LoadLe<uint32_t>(params, 0x21c), initrd_.size());
  EXPECT_TRUE(std::ranges::equal(At(base::LoadLe<uint32_t>(params, 0x218), 5000), initrd_));
}

TEST_F(LoadTest, LooksAnewAtAFileThatWasWrittenTo) {
  auto image = Open(test::MakeBzImage());
  ASSERT_THAT(image, IsOk());
  ASSERT_THAT(image->Load(memory_, layout_), IsOk());
  folder_.Write("kernel", test::MakeElfKernel());
  const auto entry = image->Load(memory_, layout_);
  ASSERT_THAT(entry, IsOk());
  EXPECT_EQ(entry->protocol, Protocol::kPvh);
  EXPECT_THAT(At(0x1200000, 0x100), testing::Each(std::byte{0xbb}));
  folder_.Write("kernel", test::Bytes(100));
  EXPECT_THAT(image->Load(memory_, layout_),
              FailsWith(Code::kUsage, AllOf(HasSubstr("/kernel: "), HasSubstr("not a kernel"))));
}

TEST_F(LoadTest, FailsWithoutTheMemoryOfTheLayout) {
  auto image = Open(test::MakeBzImage());
  ASSERT_THAT(image, IsOk());
  EXPECT_THAT(image->Load(GuestMemory(), layout_), FailsWith(Code::kInternal));
}

}  // namespace
}  // namespace vmm::boot
