#include "vmm/route_gathering.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/support/fake_kvm.h"
#include "tests/support/matchers.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::SizeIs;

class RouteGatheringTest : public testing::Test {
 protected:
  RouteGatheringTest()
      : loop(std::move(*EventLoop::Create())), vm(std::move(*kvm::Vm::Create(fake))) {
    gathering = RouteGathering::Begin(*loop, *vm);
  }
  kvm::Irqfd Unmask(const base::EventFd& event) {
    const uint32_t gsi = *vm->AllocateGsi();
    vm->SetMsiRoute(gsi, {0xfee00000, 0x41});
    EXPECT_THAT(vm->CommitRoutes(), IsOk());
    return std::move(*vm->ConnectIrqfd(event, gsi));
  }
  // Runs the loop until `done`, which is looked at after each of its rounds.
  void RunUntil(const std::function<bool()>& done) {
    std::function<void()> look = [&] { done() ? loop->Stop() : loop->Post(look); };
    loop->Post(look);
    EXPECT_THAT(loop->Run(), IsOk());
  }

  test::FakeKvm fake;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<kvm::Vm> vm;
  std::shared_ptr<RouteGathering> gathering;
};

TEST_F(RouteGatheringTest, SettlesAfterATime) {
  const base::EventFd first = std::move(*base::EventFd::Create());
  const base::EventFd second = std::move(*base::EventFd::Create());
  const auto begin = std::chrono::steady_clock::now();
  kvm::Irqfd one;
  kvm::Irqfd other;
  // As on a processor's thread.
  std::thread([&] {
    one = Unmask(first);
    other = Unmask(second);
  }).join();
  RunUntil([&] { return vm->route_counts().commits > 0; });
  EXPECT_GE(std::chrono::steady_clock::now() - begin, RouteGathering::kTime);
  EXPECT_THAT(fake.irqfds, SizeIs(2));
  EXPECT_EQ(vm->route_counts().commits, 1u);
}

TEST_F(RouteGatheringTest, CarriesInterruptsUntilThen) {
  const base::EventFd event = std::move(*base::EventFd::Create());
  const kvm::Irqfd irqfd = Unmask(event);
  ASSERT_THAT(event.Signal(), IsOk());
  RunUntil([&] { return vm->route_counts().relayed > 0; });
  EXPECT_THAT(fake.messages, SizeIs(1));
}

TEST_F(RouteGatheringTest, WhatItPostedMayComeAfterItsEnd) {
  const base::EventFd event = std::move(*base::EventFd::Create());
  kvm::Irqfd irqfd = Unmask(event);
  irqfd = kvm::Irqfd();
  gathering.reset();
  vm.reset();
  loop->Post([&] { loop->Stop(); });
  EXPECT_THAT(loop->Run(), IsOk());
}

}  // namespace
}  // namespace vmm
