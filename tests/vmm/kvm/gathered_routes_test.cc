// Routes that are committed together, and interrupts in the meantime.
#include <gmock/gmock.h>
#include <poll.h>

#include <algorithm>

#include "tests/support/fake_kvm.h"
#include "tests/support/matchers.h"
#include "vmm/kvm/vm.h"

namespace vmm::kvm {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::IsEmpty;
using testing::SizeIs;

class GatheredRoutes : public testing::Test {
 protected:
  struct Vector {
    base::EventFd event = std::move(*base::EventFd::Create());
    uint32_t gsi = 0;
    Irqfd irqfd;
  };

  GatheredRoutes() : vm(std::move(*Vm::Create(kvm))) {
    EXPECT_THAT(vm->GatherRoutes([this] { ++waits; }), IsOk());
  }
  // As a device does it that lets the guest have an interrupt.
  Vector Unmask(uint32_t data) {
    Vector vector;
    vector.gsi = *vm->AllocateGsi();
    Connect(vector, data);
    return vector;
  }
  void Connect(Vector& vector, uint32_t data) {
    vm->SetMsiRoute(vector.gsi, {0xfee00000, data});
    EXPECT_THAT(vm->CommitRoutes(), IsOk());
    auto irqfd = vm->ConnectIrqfd(vector.event, vector.gsi);
    ASSERT_THAT(irqfd, IsOk());
    vector.irqfd = std::move(*irqfd);
  }
  bool WaitsForRelay() const {
    pollfd wait{vm->relay_fd().raw(), POLLIN, 0};
    return ::poll(&wait, 1, 0) == 1;
  }
  size_t Commits() const {
    const std::vector<std::string> calls = kvm.calls();
    return static_cast<size_t>(std::count(calls.begin(), calls.end(), "KVM_SET_GSI_ROUTING"));
  }
  void FailNextCall() { kvm.FailAt(static_cast<int>(kvm.calls().size())); }

  test::FakeKvm kvm;
  int waits = 0;
  std::unique_ptr<Vm> vm;
};

TEST_F(GatheredRoutes, ManyVectorsCostOneCommit) {
  std::vector<Vector> vectors;
  for (uint32_t i = 0; i < 16; ++i) vectors.push_back(Unmask(0x40 + i));
  EXPECT_EQ(Commits(), 0u);
  EXPECT_EQ(waits, 1);
  EXPECT_THAT(kvm.irqfds, IsEmpty());
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  EXPECT_EQ(Commits(), 1u);
  EXPECT_THAT(kvm.irqfds, SizeIs(16));
  EXPECT_EQ(vm->route_counts().commits, 1u);
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  EXPECT_EQ(Commits(), 1u);
  vectors.push_back(Unmask(0x80));
  EXPECT_EQ(waits, 2);
  vectors.clear();
  EXPECT_THAT(kvm.irqfds, IsEmpty());
}

TEST_F(GatheredRoutes, AnInterruptInTheMeantimeIsCarried) {
  const Vector vector = Unmask(0x41);
  EXPECT_FALSE(WaitsForRelay());
  ASSERT_THAT(vector.event.Signal(), IsOk());
  EXPECT_TRUE(WaitsForRelay());
  vm->Relay();
  ASSERT_THAT(kvm.messages, SizeIs(1));
  EXPECT_EQ(kvm.messages[0].address_lo, 0xfee00000u);
  EXPECT_EQ(kvm.messages[0].data, 0x41u);
  EXPECT_FALSE(WaitsForRelay());
  vm->Relay();
  EXPECT_THAT(kvm.messages, SizeIs(1));
  EXPECT_EQ(vm->route_counts().relayed, 1u);
}

// It is KVM's, which looks at an event when it begins to listen.
TEST_F(GatheredRoutes, WhatIsSignalledWhenRoutesSettleComesOnce) {
  const Vector vector = Unmask(0x41);
  ASSERT_THAT(vector.event.Signal(), IsOk());
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  vm->Relay();
  EXPECT_THAT(kvm.messages, IsEmpty());
  EXPECT_EQ(*vector.event.Take(), 0u);
  EXPECT_THAT(kvm.irqfds, SizeIs(1));
}

TEST_F(GatheredRoutes, AMaskedVectorKeepsItsInterruptInTheEvent) {
  Vector vector = Unmask(0x41);
  vector.irqfd = Irqfd();
  ASSERT_THAT(vector.event.Signal(), IsOk());
  EXPECT_FALSE(WaitsForRelay());
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  EXPECT_THAT(kvm.messages, IsEmpty());
  EXPECT_THAT(kvm.irqfds, IsEmpty());
  EXPECT_EQ(*vector.event.Take(), 1u);
}

TEST_F(GatheredRoutes, TheMessageIsThatOfTheLastWrite) {
  Vector vector = Unmask(0x41);
  vector.irqfd = Irqfd();
  Connect(vector, 0x42);
  ASSERT_THAT(vector.event.Signal(), IsOk());
  vm->Relay();
  ASSERT_THAT(kvm.messages, SizeIs(1));
  EXPECT_EQ(kvm.messages[0].data, 0x42u);
}

TEST_F(GatheredRoutes, AConnectedVectorsNewMessageDoesNotWait) {
  const Vector vector = Unmask(0x41);
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  vm->SetMsiRoute(vector.gsi, {0xfee00000, 0x42});
  ASSERT_THAT(vm->CommitRoutes(), IsOk());
  EXPECT_EQ(Commits(), 2u);
  EXPECT_EQ(kvm.routes.back().u.msi.data, 0x42u);
}

TEST_F(GatheredRoutes, ARouteThatKvmHasIsConnectedAtOnce) {
  Vector vector = Unmask(0x41);
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  vector.irqfd = Irqfd();
  Connect(vector, 0x41);
  EXPECT_THAT(kvm.irqfds, SizeIs(1));
  EXPECT_EQ(Commits(), 1u);
}

TEST_F(GatheredRoutes, ManyInterruptsSettleByThemselves) {
  const Vector vector = Unmask(0x41);
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(Commits(), 0u);
    ASSERT_THAT(vector.event.Signal(), IsOk());
    vm->Relay();
  }
  EXPECT_EQ(Commits(), 1u);
  EXPECT_THAT(kvm.irqfds, SizeIs(1));
  EXPECT_THAT(kvm.messages, SizeIs(64));
}

TEST_F(GatheredRoutes, ARefusedCommitIsTriedAgain) {
  const Vector vector = Unmask(0x41);
  FailNextCall();
  EXPECT_THAT(vm->SettleRoutes(), FailsWith(Code::kKernel));
  EXPECT_EQ(waits, 2);
  ASSERT_THAT(vector.event.Signal(), IsOk());
  vm->Relay();
  EXPECT_THAT(kvm.messages, SizeIs(1));
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  EXPECT_THAT(kvm.irqfds, SizeIs(1));
}

TEST_F(GatheredRoutes, ARefusedIrqfdStaysWithTheRelay) {
  const Vector vector = Unmask(0x41);
  kvm.FailAt(static_cast<int>(kvm.calls().size()) + 1);
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  EXPECT_THAT(kvm.irqfds, IsEmpty());
  ASSERT_THAT(vector.event.Signal(), IsOk());
  vm->Relay();
  EXPECT_THAT(kvm.messages, SizeIs(1));
  ASSERT_THAT(vm->SettleRoutes(), IsOk());
  EXPECT_THAT(kvm.irqfds, SizeIs(1));
}

TEST_F(GatheredRoutes, NothingWaitsWhenItHasStopped) {
  std::vector<Vector> vectors;
  vectors.push_back(Unmask(0x41));
  vm->StopGathering();
  EXPECT_EQ(Commits(), 1u);
  EXPECT_THAT(kvm.irqfds, SizeIs(1));
  vectors.push_back(Unmask(0x42));
  EXPECT_EQ(Commits(), 2u);
  EXPECT_THAT(kvm.irqfds, SizeIs(2));
  EXPECT_EQ(waits, 1);
}

// Between a vector's commit and its connection.
TEST_F(GatheredRoutes, ARouteThatWaitedForNothingIsCommittedByItsConnection) {
  Vector vector;
  vector.gsi = *vm->AllocateGsi();
  vm->SetMsiRoute(vector.gsi, {0xfee00000, 0x41});
  ASSERT_THAT(vm->CommitRoutes(), IsOk());
  vm->StopGathering();
  EXPECT_EQ(Commits(), 0u);
  vector.irqfd = std::move(*vm->ConnectIrqfd(vector.event, vector.gsi));
  EXPECT_EQ(Commits(), 1u);
  EXPECT_THAT(kvm.irqfds, SizeIs(1));
}

TEST_F(GatheredRoutes, TheRoutesOfWhatHasGoneNeedNoCommit) {
  Vector vector = Unmask(0x41);
  vector.irqfd = Irqfd();
  vm->FreeGsi(vector.gsi);
  EXPECT_FALSE(WaitsForRelay());
  ASSERT_THAT(vector.event.Signal(), IsOk());
  vm->Relay();
  EXPECT_THAT(kvm.messages, IsEmpty());
}

}  // namespace
}  // namespace vmm::kvm
