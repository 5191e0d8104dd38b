// The hosts of the fuzz target by chance, from seeds that are always the same.
#include <gtest/gtest.h>

#include "tests/fuzz/host_tree.h"
#include "tests/support/random_input.h"

namespace {

TEST(MadeHosts, AreListedExplainedAndPlannedFor) {
  const size_t rounds = test::Effort(200);
  for (size_t seed = 1; seed <= rounds; ++seed) {
    test::RandomInput input(seed, 4096);
    test::host_tree::Play(input);
  }
}

}  // namespace
