#include "vmm/pci/fair_mutex.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>
#include <vector>

namespace vmm::pci {
namespace {

TEST(FairMutex, OneAtATime) {
  FairMutex mutex;
  unsigned counter = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        const std::lock_guard lock(mutex);
        ++counter;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter, 4000u);
}

// Who wants it always, and holds it long, has it at most once more before the one that waits.
TEST(FairMutex, AGreedyThreadDoesNotKeepOthersOut) {
  FairMutex mutex;
  std::atomic<bool> stop{false};
  std::atomic<unsigned> turns{0};
  std::thread greedy([&] {
    while (!stop) {
      const std::lock_guard lock(mutex);
      ++turns;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // its work
    }
  });
  while (turns == 0) std::this_thread::yield();
  for (int round = 0; round < 20; ++round) {
    const unsigned before = turns;
    const std::lock_guard lock(mutex);
    EXPECT_LE(turns - before, 2u);
  }
  stop = true;
  greedy.join();
}

}  // namespace
}  // namespace vmm::pci
