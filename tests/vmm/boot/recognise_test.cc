#include "vmm/boot/recognise.h"

#include <gmock/gmock.h>

#include <string_view>

#include "tests/support/kernel_files.h"
#include "tests/support/matchers.h"

namespace vmm::boot {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOkAnd;
using testing::HasSubstr;

test::Bytes Head(std::string_view text, size_t offset = 0) {
  test::Bytes bytes(4096);
  test::StoreText(bytes, offset, text);
  return bytes;
}

TEST(Recognise, NamesWhatIsNotAKernel) {
  EXPECT_THAT(Recognise({}), FailsWith(Code::kUsage, HasSubstr("empty")));
  EXPECT_THAT(Recognise(Head("hello")), FailsWith(Code::kUsage, HasSubstr("not a kernel")));
  EXPECT_THAT(Recognise(Head("\x1f\x8b")), FailsWith(Code::kUsage, HasSubstr("gzip")));
  EXPECT_THAT(Recognise(Head("\xfd"
                             "7zXZ")),
              FailsWith(Code::kUsage, HasSubstr("xz")));
  EXPECT_THAT(Recognise(Head("\x28\xb5\x2f\xfd")), FailsWith(Code::kUsage, HasSubstr("zstd")));
  EXPECT_THAT(Recognise(Head("070701")), FailsWith(Code::kUsage, HasSubstr("initramfs")));
  EXPECT_THAT(Recognise(Head("MZ")), FailsWith(Code::kUsage, HasSubstr("EFI program")));
  EXPECT_THAT(Recognise(Head("ARM\x64", 0x38)),
              FailsWith(Code::kUsage, HasSubstr("another architecture")));
}

TEST(Recognise, WantsBothSignsOfASetupHeader) {
  EXPECT_THAT(Recognise(Head("HdrS", 0x202)), FailsWith(Code::kUsage));
  EXPECT_THAT(Recognise(Head("\x55\xaa", 0x1fe)), FailsWith(Code::kUsage));
}

TEST(Recognise, TakesABzImageAlsoWhenItIsAnEfiProgramToo) {
  test::Bytes file = test::MakeBzImage();
  test::StoreText(file, 0, "MZ");
  EXPECT_THAT(Recognise(file), IsOkAnd(ImageKind::kBzImage));
}

TEST(Recognise, TakesElf) {
  EXPECT_THAT(Recognise(test::MakeElfKernel()), IsOkAnd(ImageKind::kElf));
}

}  // namespace
}  // namespace vmm::boot
