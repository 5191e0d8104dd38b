// The games of the fuzz targets by chance, from seeds that are always the same.
#include "tests/fuzz/guest_bars.h"
#include "tests/fuzz/guest_config.h"
#include "tests/fuzz/guest_msix.h"
#include "tests/fuzz/hostile_device.h"
#include "tests/support/random_input.h"

namespace {

// About `steps` accesses of a guest in all, `each` of them on one device; a step takes `bytes` of
// the input.
template <class Play>
void PlayAll(const Play& play, size_t steps, size_t each, size_t bytes) {
  const size_t rounds = test::Effort(steps) / each;
  for (size_t seed = 1; seed <= rounds; ++seed) {
    test::RandomInput input(seed, each * bytes);
    play(input);
  }
}

TEST(Games, ConfigurationSpace) {
  test::guest_config::Game game;
  PlayAll([&](auto& input) { game.Play(input); }, 100000, 5000, 20);
}

TEST(Games, Bars) {
  size_t found = 0;
  test::guest_bars::Game game;
  PlayAll([&](auto& input) { found += game.Play(input); }, 100000, 5000, 18);
  EXPECT_GT(found, 10000u);
}

TEST(Games, MsixTable) {
  test::guest_msix::Game game;
  PlayAll([&](auto& input) { game.Play(input); }, 100000, 5000, 18);
}

TEST(Games, DevicesThatLie) {
  PlayAll([](auto& input) { test::hostile_device::Play(input); }, 100000, 200, 14);
}

}  // namespace
