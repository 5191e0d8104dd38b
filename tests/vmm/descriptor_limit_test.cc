#include "vmm/descriptor_limit.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

namespace vmm {
namespace {

TEST(RaiseDescriptorLimit, GoesAsFarAsTheHardLimit) {
  const DescriptorLimit before = ReadDescriptorLimit();
  ASSERT_GT(before.hard, 64u);
  const rlimit low{64, before.hard};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(ReadDescriptorLimit().soft, 64u);
  RaiseDescriptorLimit();
  EXPECT_EQ(ReadDescriptorLimit().soft, before.hard);
  EXPECT_EQ(ReadDescriptorLimit().hard, before.hard);
  const rlimit old{before.soft, before.hard};
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
}

TEST(MostDescriptors, GrowWithEachPart) {
  const uint64_t bare = MostDescriptors({});
  EXPECT_GE(MostDescriptors({.cpus = 4}), bare + 4);
  EXPECT_GE(MostDescriptors({.devices = 1, .vectors = 65}), bare + 65 + 3);
  EXPECT_GE(MostDescriptors({.emulated = 1, .queues = 5}), bare + 10);
}

}  // namespace
}  // namespace vmm
