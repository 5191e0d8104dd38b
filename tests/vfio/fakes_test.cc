// What the other tests rely on: the journal and the count of open files.
#include <fcntl.h>
#include <gmock/gmock.h>

#include <cerrno>

#include "tests/support/fake_kernel.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/matchers.h"

namespace test {
namespace {

using base::Code;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ScriptedKernel, RecordsCallsAndClosesInOrder) {
  ScriptedKernel kernel;
  kernel.Reply("FIRST", 3);
  {
    auto a = kernel.Open("/dev/a", O_RDWR);
    auto b = kernel.Open("/dev/b", O_RDWR);
    ASSERT_THAT(a, IsOk());
    EXPECT_THAT(kernel.Ioctl(*a, 1, nullptr, "FIRST"), IsOkAnd(3));
    a->Close();
    EXPECT_THAT(kernel.open_files(), ElementsAre("/dev/b"));
  }
  EXPECT_THAT(kernel.journal(),
              ElementsAre("open /dev/a", "open /dev/b", "FIRST", "close /dev/a", "close /dev/b"));
  EXPECT_THAT(kernel.open_files(), IsEmpty());
}

TEST(ScriptedKernel, ADuplicateKeepsTheFileOpen) {
  ScriptedKernel kernel;
  auto file = kernel.Open("/dev/a", O_RDWR);
  ASSERT_THAT(file, IsOk());
  auto copy = file->Duplicate();
  ASSERT_THAT(copy, IsOk());
  file->Close();
  EXPECT_THAT(kernel.open_files(), ElementsAre("/dev/a"));
  copy->Close();
  EXPECT_THAT(kernel.open_files(), IsEmpty());
}

TEST(ScriptedKernel, FailsTheCallThatItIsTold) {
  ScriptedKernel kernel;
  kernel.Reply("ONE", 0);
  kernel.FailOpen("/dev/b", EACCES);
  EXPECT_THAT(kernel.Open("/dev/b", O_RDWR), FailsWith(Code::kDenied));
  kernel.FailCall(2, EBUSY);
  auto a = kernel.Open("/dev/a", O_RDWR);
  ASSERT_THAT(a, IsOk());
  EXPECT_EQ(kernel.Ioctl(*a, 1, nullptr, "ONE").error().err(), EBUSY);
  EXPECT_THAT(kernel.Ioctl(*a, 1, nullptr, "ONE"), IsOk());
  EXPECT_EQ(kernel.count("ONE"), 2u);
}

TEST(ScriptedKernel, APathHasItsOwnAnswers) {
  ScriptedKernel kernel;
  kernel.Reply("ONE", 1);
  kernel.HandlePath("/dev/a", [](unsigned long request, void*, std::string_view) {
    return request == 1 ? 10 : ScriptedKernel::kNotHandled;
  });
  auto a = kernel.Open("/dev/a", O_RDWR);
  auto b = kernel.Open("/dev/b", O_RDWR);
  ASSERT_THAT(a, IsOk());
  ASSERT_THAT(b, IsOk());
  EXPECT_THAT(kernel.Ioctl(*a, 1, nullptr, "ONE"), IsOkAnd(10));
  EXPECT_THAT(kernel.Ioctl(*a, 2, nullptr, "ONE"), IsOkAnd(1));
  EXPECT_THAT(kernel.Ioctl(*b, 1, nullptr, "ONE"), IsOkAnd(1));
}

TEST(FakeVfioDevice, ReadsConfigFromText) {
  FakeVfioDevice fake;
  fake.SetConfig("86 80 ca 10  # vendor, device\n 06 04");
  EXPECT_EQ(fake.ConfigValue(0, 4), 0x10ca8086u);
  EXPECT_EQ(fake.ConfigValue(4, 2), 0x0406u);
  fake.SetConfigValue(2, 0x1234, 2);
  EXPECT_EQ(fake.ConfigValue(0, 4), 0x12348086u);
}

}  // namespace
}  // namespace test
