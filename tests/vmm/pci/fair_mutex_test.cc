#include "vmm/pci/fair_mutex.h"

#include <gmock/gmock.h>

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

// With an unfair one, who has just unlocked it has it again before a waiter is awake.
TEST(FairMutex, WhoWaitsIsServedBeforeWhoComesAgain) {
  FairMutex mutex;
  std::vector<int> order;
  mutex.lock();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const std::lock_guard lock(mutex);
      order.push_back(i);
    });
    while (mutex.waiters() != static_cast<uint64_t>(i) + 1) std::this_thread::yield();
  }
  mutex.unlock();
  {
    const std::lock_guard lock(mutex);
    EXPECT_THAT(order, testing::ElementsAre(0, 1, 2));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(mutex.waiters(), 0u);
}

}  // namespace
}  // namespace vmm::pci
