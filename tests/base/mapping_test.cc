#include "sysfs/base/mapping.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/matchers.h"

namespace base {
namespace {

using test::IsOk;

TEST(Mapping, AnonymousIsAlignedAndZeroed) {
  const Result<Mapping> mapping = Mapping::Anonymous(3 << 20, 2 << 20);
  ASSERT_THAT(mapping, IsOk());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(mapping->bytes().data()) % (2 << 20), 0u);
  EXPECT_EQ(mapping->bytes().size(), size_t{3 << 20});
  EXPECT_EQ(mapping->bytes()[12345], std::byte{0});
}

TEST(Mapping, FileIsCongruentToItsOffset) {
  const Fd fd(::memfd_create("test", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(fd.raw(), 4 << 20), 0);
  const Result<Mapping> mapping =
      Mapping::File(fd, 0x3000, 0x2000, Protection::kReadWrite, 2 << 20);
  ASSERT_THAT(mapping, IsOk());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(mapping->bytes().data()) % (2 << 20), 0x3000u);
  mapping->bytes()[0] = std::byte{7};
  std::byte read{};
  ASSERT_THAT(ReadExactAt(fd, {&read, 1}, 0x3000), IsOk());
  EXPECT_EQ(read, std::byte{7});
}

TEST(Mapping, MoveLeavesTheSourceEmpty) {
  Result<Mapping> first = Mapping::Anonymous(4096);
  ASSERT_THAT(first, IsOk());
  const Mapping second = std::move(*first);
  EXPECT_TRUE(first->bytes().empty());
  EXPECT_EQ(second.bytes().size(), 4096u);
}

}  // namespace
}  // namespace base
