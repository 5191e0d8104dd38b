// The games of the fuzz targets by chance, from seeds that are always the same.
#include "tests/fuzz/virtio_devices.h"
#include "tests/fuzz/virtio_function.h"
#include "tests/fuzz/virtio_queue.h"
#include "tests/support/random_input.h"

namespace {

template <class Play>
void PlayAll(const Play& play, size_t rounds, size_t bytes) {
  for (size_t seed = 1; seed <= test::Effort(rounds) && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    test::RandomInput input(seed, bytes);
    play(input);
  }
}

TEST(VirtioGames, ACorrectGuest) {
  PlayAll([](auto& input) { test::virtio_queue::Play(input); }, 200, 8000);
}

TEST(VirtioGames, AHostileGuest) {
  PlayAll([](auto& input) { test::virtio_queue::PlayHostile(input); }, 3000, 4000);
}

TEST(VirtioGames, ANetworkDeviceBetweenAHostileGuestAndABadHost) {
  PlayAll([](auto& input) { test::virtio_devices::PlayNet(input); }, 100, 60000);
}

TEST(VirtioGames, AConsoleOfAHostileGuest) {
  PlayAll([](auto& input) { test::virtio_devices::PlayConsole(input); }, 40, 60000);
}

TEST(VirtioGames, ABalloonOfAHostileGuestBesideADevice) {
  PlayAll([](auto& input) { test::virtio_devices::PlayBalloon(input); }, 25, 60000);
}

TEST(VirtioGames, RegistersOfADisk) {
  PlayAll([](auto& input) { test::virtio_function::PlayRegisters(input); }, 30, 40000);
}

TEST(VirtioGames, RequestsOfADisk) {
  PlayAll([](auto& input) { test::virtio_function::PlayRequests(input); }, 30, 20000);
}

TEST(VirtioGames, ADiskOnBadStorage) {
  PlayAll([](auto& input) { test::virtio_function::PlayStorage(input); }, 15, 6000);
}

}  // namespace
