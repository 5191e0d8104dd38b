// Disks on threads that may make the calls of their list and no others.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/fuzz/virtio_function.h"
#include "tests/support/random_input.h"
#include "vmm/confinement/confine.h"

namespace {

// In a process of its own: what a thread may not do ends it.
TEST(ConfinedDisk, DoesAllThatItCan) {
  EXPECT_EXIT(
      {
        vmm::confinement::SetMode(vmm::confinement::Mode::kOn);
        for (uint64_t seed = 1; seed <= 5; ++seed) {
          test::RandomInput input(seed, 10000);
          test::virtio_function::PlayRequests(input);
          test::virtio_function::PlayStorage(input);
        }
        ::_exit(testing::Test::HasFailure() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
