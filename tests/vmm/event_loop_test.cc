#include "vmm/event_loop.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using std::chrono::milliseconds;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;

std::unique_ptr<EventLoop> NewLoop() {
  auto loop = EventLoop::Create();
  EXPECT_THAT(loop, IsOk());
  return std::move(*loop);
}

base::EventFd Event() {
  auto event = base::EventFd::Create();
  EXPECT_THAT(event, IsOk());
  return std::move(*event);
}

TEST(EventLoop, RefusesARegularFile) {
  const auto loop = NewLoop();
  const auto file = base::OpenFile("/proc/self/exe", O_RDONLY);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(loop->Add(*file, [] {}), FailsWith(Code::kUsage));
}

TEST(EventLoop, StopBeforeRunReturnsAtOnce) {
  const auto loop = NewLoop();
  loop->Stop();
  EXPECT_THAT(loop->Run(), IsOk());
}

TEST(EventLoop, CallsBackWhileReadable) {
  const auto loop = NewLoop();
  const base::EventFd event = Event();
  int calls = 0;
  const auto watch = loop->Add(event.fd(), [&] {
    if (++calls == 3) loop->Stop();
  });
  ASSERT_THAT(watch, IsOk());
  ASSERT_THAT(event.Signal(), IsOk());
  ASSERT_THAT(loop->Run(), IsOk());
  EXPECT_EQ(calls, 3);
}

TEST(EventLoop, ARemovedWatchIsNotCalledInTheSameRound) {
  const auto loop = NewLoop();
  const base::EventFd first = Event();
  const base::EventFd second = Event();
  int calls = 0;
  Watch watches[2];
  const auto once = [&] {
    ++calls;
    watches[0] = Watch();
    watches[1] = Watch();
    loop->Stop();
  };
  watches[0] = std::move(*loop->Add(first.fd(), once));
  watches[1] = std::move(*loop->Add(second.fd(), once));
  ASSERT_THAT(first.Signal(), IsOk());
  ASSERT_THAT(second.Signal(), IsOk());
  ASSERT_THAT(loop->Run(), IsOk());
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, AClosedPipeCallsBackAndCanBeRemoved) {
  const auto loop = NewLoop();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const base::Fd reader(ends[0]);
  base::Fd(ends[1]).Close();
  Watch watch;
  watch = std::move(*loop->Add(reader, [&] {
    char byte = 0;
    EXPECT_EQ(::read(reader.raw(), &byte, 1), 0);
    watch = Watch();
    loop->Stop();
  }));
  EXPECT_THAT(loop->Run(), IsOk());
}

TEST(EventLoop, RunsPostedFunctionsInOrder) {
  const auto loop = NewLoop();
  std::vector<int> order;
  loop->Post([&] {
    order.push_back(1);
    loop->Post([&] {
      order.push_back(3);
      loop->Stop();
    });
  });
  loop->Post([&] { order.push_back(2); });
  ASSERT_THAT(loop->Run(), IsOk());
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(EventLoop, TakesPostsFromManyThreads) {
  constexpr int kEach = 500;
  const auto loop = NewLoop();
  int count = 0;
  const auto post = [&] {
    for (int i = 0; i < kEach; ++i) {
      loop->Post([&] {
        if (++count == 2 * kEach) loop->Stop();
      });
    }
  };
  std::thread first(post);
  std::thread second(post);
  EXPECT_THAT(loop->Run(), IsOk());
  first.join();
  second.join();
  EXPECT_EQ(count, 2 * kEach);
}

TEST(Timer, CallsBackOnceForEachArming) {
  const auto loop = NewLoop();
  int calls = 0;
  std::unique_ptr<Timer> timer;
  auto created = Timer::Create(*loop, [&] {
    if (++calls < 3) {
      EXPECT_THAT(timer->Arm(milliseconds(1)), IsOk());
    } else {
      loop->Stop();
    }
  });
  ASSERT_THAT(created, IsOk());
  timer = std::move(*created);
  ASSERT_THAT(timer->Arm(milliseconds(0)), IsOk());
  ASSERT_THAT(loop->Run(), IsOk());
  EXPECT_EQ(calls, 3);
}

TEST(Timer, ADisarmedOneStaysQuiet) {
  const auto loop = NewLoop();
  bool called = false;
  const auto quiet = Timer::Create(*loop, [&] { called = true; });
  const auto last = Timer::Create(*loop, [&] { loop->Stop(); });
  ASSERT_THAT(quiet, IsOk());
  ASSERT_THAT(last, IsOk());
  ASSERT_THAT((*quiet)->Arm(milliseconds(1)), IsOk());
  ASSERT_THAT((*quiet)->Disarm(), IsOk());
  ASSERT_THAT((*last)->Arm(milliseconds(5)), IsOk());
  ASSERT_THAT(loop->Run(), IsOk());
  EXPECT_FALSE(called);
}

TEST(Timer, MayEndItselfInItsCallback) {
  const auto loop = NewLoop();
  std::unique_ptr<Timer> timer;
  auto created = Timer::Create(*loop, [&] {
    timer.reset();
    loop->Stop();
  });
  ASSERT_THAT(created, IsOk());
  timer = std::move(*created);
  ASSERT_THAT(timer->Arm(milliseconds(1)), IsOk());
  EXPECT_THAT(loop->Run(), IsOk());
  EXPECT_EQ(timer, nullptr);
}

}  // namespace
}  // namespace vmm
