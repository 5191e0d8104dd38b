// MSI and MSI-X of an assigned device as a guest's driver uses them, with the kernel calls counted.
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <cstdio>
#include <random>
#include <thread>
#include <tuple>

#include "tests/support/assigned_fixture.h"
#include "vmm/assigned/device.h"

namespace vmm::assigned {
namespace {

constexpr uint16_t kEnable = 0x8000;
constexpr uint16_t kEnableMasked = 0xc000;

class DeviceInterruptsTest : public test::AssignedFixture {
 protected:
  DeviceInterruptsTest() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  void StartEnabled(const test::EndpointOptions& options = {}) {
    Start(options);
    EnableMemory();
    fake.ClearIrqCalls();
  }
  // As Linux brings MSI-X up: everything masked, then each vector when its driver asks for it.
  void BringUp(unsigned vectors) {
    SetMsixControl(kEnableMasked);
    SetMsixControl(kEnable);
    for (unsigned v = 0; v < vectors; ++v) SetVector(v, 0x30 + v);
  }
  uint32_t Event(unsigned vector) const {
    return static_cast<uint32_t>(fake.trigger(vfio::kMsixIrq, vector));
  }
  bool Delivered(unsigned vector) const { return fake_kvm.irqfds.contains(Event(vector)); }
  uint32_t RouteData(unsigned vector) const {
    const auto irqfd = fake_kvm.irqfds.find(Event(vector));
    if (irqfd == fake_kvm.irqfds.end()) return 0;
    for (const kvm_irq_routing_entry& route : fake_kvm.routes) {
      if (route.gsi == irqfd->second) return route.u.msi.data;
    }
    return 0;
  }
  void Interrupt(int event) {
    const uint64_t one = 1;
    ASSERT_EQ(::write(event, &one, sizeof one), 8);
  }
};

// How many vectors, and whether VFIO cannot add vectors while MSI-X is on.
class BringUpTest : public DeviceInterruptsTest,
                    public testing::WithParamInterface<std::tuple<unsigned, bool>> {
 protected:
  unsigned vectors() const { return std::get<0>(GetParam()); }
  bool no_resize() const { return std::get<1>(GetParam()); }
  void StartWithAll() { StartEnabled({.msix_vectors = 2048, .no_resize = no_resize()}); }
  void Print(const char* what) {
    std::printf("%-10s %s %4u vectors: %4zu SET_IRQS, %4u SET_GSI_ROUTING, %4u KVM_IRQFD\n", what,
                no_resize() ? "no resize" : "dynamic  ", vectors(), fake.irq_calls().size(),
                KvmCalls("KVM_SET_GSI_ROUTING"), KvmCalls("KVM_IRQFD"));
  }
};

INSTANTIATE_TEST_SUITE_P(Counts, BringUpTest,
                         testing::Combine(testing::Values(1, 8, 2048), testing::Bool()));

TEST_P(BringUpTest, OneByOneAsLinuxDoesIt) {
  StartWithAll();
  BringUp(vectors());
  Print("one by one");
  // On, then each vector; without resize host vectors double, which costs off and on.
  const unsigned doublings = static_cast<unsigned>(std::bit_width(vectors() - 1));
  EXPECT_EQ(fake.irq_calls().size(), 1 + vectors() + (no_resize() ? doublings : 0));
  EXPECT_EQ(KvmCalls("KVM_SET_GSI_ROUTING"), vectors());
  EXPECT_EQ(KvmCalls("KVM_IRQFD"), vectors());
  for (unsigned v = 0; v < vectors(); ++v) ASSERT_EQ(RouteData(v), 0x30 + v);
  EXPECT_EQ(fake.trigger(vfio::kMsixIrq, vectors()), -1);
}

TEST_P(BringUpTest, UnmaskedTogetherIsOneBatch) {
  StartWithAll();
  for (unsigned v = 0; v < vectors(); ++v) SetVector(v, 0x30 + v);
  EXPECT_TRUE(fake.irq_calls().empty());
  SetMsixControl(kEnable);
  Print("together");
  EXPECT_EQ(fake.irq_calls().size(), 1u);
  EXPECT_EQ(KvmCalls("KVM_SET_GSI_ROUTING"), 1u);
  for (unsigned v = 0; v < vectors(); ++v) ASSERT_TRUE(Delivered(v));
}

TEST_F(DeviceInterruptsTest, AMaskedVectorShowsItsInterruptAsPending) {
  StartEnabled();
  BringUp(4);
  const uint64_t pending = Bar0() + test::kPendingAt;
  SetTable(2, 12, 1);
  EXPECT_FALSE(Delivered(2));
  Interrupt(fake.trigger(vfio::kMsixIrq, 2));
  EXPECT_EQ(memory.Read(pending, Width::k8), 4u);
  EXPECT_EQ(memory.Read(pending, Width::k1), 4u);
  fake.ClearIrqCalls();
  SetTable(2, 12, 0);
  EXPECT_TRUE(Delivered(2));
  EXPECT_TRUE(fake.irq_calls().empty());
  EXPECT_EQ(memory.Read(pending, Width::k8), 0u);
  uint64_t signalled = 0;
  EXPECT_EQ(::read(fake.trigger(vfio::kMsixIrq, 2), &signalled, sizeof signalled), 8);
}

TEST_F(DeviceInterruptsTest, AffinityChangesTouchOnlyTheRoute) {
  StartEnabled();
  BringUp(4);
  fake.ClearIrqCalls();
  const unsigned irqfds = KvmCalls("KVM_IRQFD");
  SetTable(1, 8, 0x77);  // while unmasked
  EXPECT_EQ(RouteData(1), 0x77u);
  EXPECT_EQ(KvmCalls("KVM_IRQFD"), irqfds);
  SetVector(1, 0x78, true);  // masked around the change, as Linux does
  SetTable(1, 12, 0);
  EXPECT_EQ(RouteData(1), 0x78u);
  EXPECT_TRUE(fake.irq_calls().empty());
}

TEST_F(DeviceInterruptsTest, FunctionMaskStopsAndStartsAllAtOnce) {
  StartEnabled();
  BringUp(8);
  fake.ClearIrqCalls();
  SetMsixControl(kEnableMasked);
  EXPECT_TRUE(fake_kvm.irqfds.empty());
  SetMsixControl(kEnable);
  EXPECT_EQ(fake_kvm.irqfds.size(), 8u);
  EXPECT_TRUE(fake.irq_calls().empty());
}

TEST_F(DeviceInterruptsTest, MsiDeliversAllGrantedVectors) {
  StartEnabled();
  SetConfig(test::kMsiAt + 4, Width::k4, 0xfee01000);
  SetConfig(test::kMsiAt + 12, Width::k2, 0x40);
  SetConfig(test::kMsiAt + 16, Width::k4, 0x2);  // vector 1 masked
  SetConfig(test::kMsiAt + 2, Width::k2, 0x0021);
  ASSERT_EQ(fake.irq_calls().size(), 1u);
  EXPECT_EQ(fake.irq_calls()[0].count, 4u);
  EXPECT_EQ(fake_kvm.irqfds.size(), 3u);
  Interrupt(fake.trigger(vfio::kMsiIrq, 1));
  EXPECT_EQ(Config(test::kMsiAt + 20), 2u);
  SetConfig(test::kMsiAt + 16, Width::k4, 0);
  EXPECT_EQ(Config(test::kMsiAt + 20), 0u);
  EXPECT_EQ(fake_kvm.irqfds.size(), 4u);
  SetConfig(test::kMsiAt + 2, Width::k2, 0);
  EXPECT_TRUE(fake_kvm.irqfds.empty());
  EXPECT_EQ(fake.trigger(vfio::kMsiIrq, 0), -1);
}

TEST_F(DeviceInterruptsTest, ModeFlipsLeaveNothingBehind) {
  StartEnabled();
  BringUp(4);
  SetConfig(test::kMsiAt + 4, Width::k4, 0xfee01000);
  for (unsigned i = 0; i < 200; ++i) {
    SetConfig(test::kMsiAt + 2, Width::k2, 0x0021);
    SetMsixControl(0);
    ASSERT_EQ(fake_kvm.irqfds.size(), 4u);
    ASSERT_NE(fake.trigger(vfio::kMsiIrq, 3), -1);
    ASSERT_EQ(fake.trigger(vfio::kMsixIrq, 0), -1);
    SetMsixControl(kEnable);
    SetConfig(test::kMsiAt + 2, Width::k2, 0);
    ASSERT_EQ(fake_kvm.irqfds.size(), 4u);
    ASSERT_EQ(fake.trigger(vfio::kMsiIrq, 0), -1);
    ASSERT_NE(fake.trigger(vfio::kMsixIrq, 3), -1);
  }
  SetMsixControl(0);
  EXPECT_TRUE(fake_kvm.irqfds.empty());
}

TEST_F(DeviceInterruptsTest, MaskStormsLoseNoInterrupt) {
  StartEnabled();
  BringUp(16);
  std::mt19937 random(23);
  std::vector<bool> masked(16), pending(16);
  for (unsigned i = 0; i < 5000; ++i) {
    const auto v = static_cast<unsigned>(random() % 16);
    const int event = fake.trigger(vfio::kMsixIrq, v);
    if (masked[v] && random() % 2 == 0) {
      Interrupt(event);
      pending[v] = true;
    }
    if (random() % 4 == 0) memory.Read(Bar0() + test::kPendingAt, Width::k8);
    masked[v] = !masked[v];
    SetTable(v, 12, masked[v] ? 1 : 0);
    ASSERT_EQ(Delivered(v), !masked[v]);
    if (!masked[v]) {
      uint64_t count = 0;
      ASSERT_EQ(::read(event, &count, sizeof count) == 8, pending[v]);
      pending[v] = false;
    }
  }
}

// Three vCPUs at once: one masks and unmasks, one moves a BAR, one reads.
TEST_F(DeviceInterruptsTest, SeveralVcpusMayAccessTheDevice) {
  StartEnabled();
  BringUp(8);
  const uint64_t bar = Bar0();
  {
    const std::jthread masks([&] {
      for (unsigned i = 0; i < 2000; ++i) {
        memory.Write(bar + test::kTableAt + uint64_t{16} * (i % 8) + 12, Width::k4, i / 8 % 2);
      }
    });
    const std::jthread moves([&] {
      for (uint32_t i = 0; i < 500; ++i) SetConfig(0x18, Width::k4, 0xc8000000 + i * 0x2000);
    });
    const std::jthread reads([&] {
      for (unsigned i = 0; i < 2000; ++i) {
        memory.Read(bar + test::kPendingAt, Width::k8);
        ASSERT_EQ(Config(0), 0x10fb8086u);
        ASSERT_LE(device->counters().trapped[0], 10000u);
      }
    });
  }
  for (unsigned v = 0; v < 8; ++v) EXPECT_EQ(Delivered(v), Table(v, 12) == 0) << v;
  EXPECT_EQ(Config(0x18), 0xc8000008 + 499 * 0x2000u);
}

// 8 vectors in the device; what the host has for them.
TEST_F(DeviceInterruptsTest, NoMoreMsiVectorsAreShownThanTheHostGrants) {
  for (const auto& [granted, shown] :
       {std::pair(1u, 0u), {3u, 1u}, {7u, 2u}, {8u, 3u}, {64u, 3u}}) {
    fake.SetFreeVectors(granted);
    Start();
    EXPECT_EQ(Config(test::kMsiAt + 2, Width::k2) >> 1 & 7, shown) << granted;
    EXPECT_EQ(fake.trigger(vfio::kMsiIrq, 0), -1);
    SetConfig(test::kMsiAt + 4, Width::k4, 0xfee00000);
    SetConfig(test::kMsiAt + 2, Width::k2, 0x0031);  // 8 vectors, enabled
    EXPECT_EQ(fake_kvm.irqfds.size(), 1u << shown);
    EXPECT_EQ(device->counters().vectors_refused, 0u);
    bridge->Disconnect();
  }
}

TEST_F(DeviceInterruptsTest, MsiVectorsThatHaveGoneSinceAreRefusedAndCounted) {
  Start();
  fake.SetFreeVectors(3);
  SetConfig(test::kMsiAt + 4, Width::k4, 0xfee00000);
  SetConfig(test::kMsiAt + 2, Width::k2, 0x0031);
  EXPECT_NE(fake.trigger(vfio::kMsiIrq, 1), -1);
  EXPECT_EQ(fake.trigger(vfio::kMsiIrq, 2), -1);
  EXPECT_EQ(device->counters().vectors_refused, 6u);
}

TEST_F(DeviceInterruptsTest, WhereMsiCannotBeTriedTheGuestSeesOneVector) {
  test::MakeEndpoint(fake);
  fake.Fail("VFIO_DEVICE_SET_IRQS", EIO);
  Open();
  Boot();
  EXPECT_EQ(Config(test::kMsiAt + 2, Width::k2) >> 1 & 7, 0u);
}

}  // namespace
}  // namespace vmm::assigned
