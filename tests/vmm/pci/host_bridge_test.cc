#include "vmm/pci/host_bridge.h"

#include <gmock/gmock.h>

#include <future>

#include "tests/support/fake_function.h"
#include "tests/support/fake_router.h"
#include "tests/support/matchers.h"

namespace vmm::pci {
namespace {

using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kAbsent = 0xffffffff;

class HostBridgeTest : public testing::Test {
 protected:
  uint64_t Ecam(unsigned devfn, unsigned offset) const {
    return 0xb0000000 + devfn * 4096ull + offset;
  }
  uint64_t Read(unsigned devfn, unsigned offset, Width width) const {
    return memory.Read(Ecam(devfn, offset), width);
  }
  void Write(unsigned devfn, unsigned offset, Width width, uint64_t value) const {
    memory.Write(Ecam(devfn, offset), width, value);
  }
  void Start() {
    ASSERT_THAT(bridge->Add(8, function), IsOk());
    ASSERT_THAT(bridge->Connect({&ports, &memory, nullptr}, router), IsOk());
  }

  Bus ports, memory;
  test::FakeRouter router;
  std::shared_ptr<test::FakeFunction> function = std::make_shared<test::FakeFunction>(
      "dev", std::vector<BarInfo>{{0, BarKind::kMemory64, 0x4000, true},
                                  {2, BarKind::kMemory32, 0x1000, false},
                                  {3, BarKind::kIo, 32, false}});
  std::shared_ptr<HostBridge> bridge = HostBridge::Create(test::LayoutWithWindows(), nullptr);
};

TEST_F(HostBridgeTest, ADuplicateAddressIsRefused) {
  EXPECT_THAT(bridge->Add(0, function),
              test::FailsWith(base::Code::kUsage, HasSubstr("00.0 is taken by host bridge")));
  ASSERT_THAT(bridge->Add(8, function), IsOk());
  EXPECT_THAT(bridge->Add(8, function), test::FailsWith(base::Code::kUsage, HasSubstr("01.0")));
}

TEST_F(HostBridgeTest, TheBridgeItselfIsThere) {
  Start();
  EXPECT_EQ(Read(0, 8, Width::k4), 0x06000000u);
  Write(0, 0x10, Width::k4, 0xffffffff);
  EXPECT_EQ(Read(0, 0x10, Width::k4), 0u);
}

TEST_F(HostBridgeTest, AProcessorWaitsAlone) {
  Start();
  std::promise<void> waits, over;
  function->waiting = [&] {
    waits.set_value();
    over.get_future().wait();
  };
  auto processor = std::async(std::launch::async,
                              [&] { Write(8, header::kCommand, Width::k2, kCommandMemory); });
  waits.get_future().wait();
  auto other = std::async(std::launch::async, [&] { return Read(0, 8, Width::k4); });
  auto same = std::async(std::launch::async, [&] { return Read(8, header::kCommand, Width::k2); });
  EXPECT_EQ(other.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(same.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(processor.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  over.set_value();
  EXPECT_EQ(other.get(), 0x06000000u);
  EXPECT_EQ(same.get(), kCommandMemory);
}

TEST_F(HostBridgeTest, FunctionZeroTellsOfItsSiblings) {
  ASSERT_THAT(
      bridge->Add(9, std::make_shared<test::FakeFunction>("sibling", std::vector<BarInfo>{})),
      IsOk());
  Start();
  EXPECT_EQ(Read(8, header::kType, Width::k1), kMultiFunction);
  EXPECT_EQ(Read(8, 0xc, Width::k4), 0x00800000u);
  EXPECT_EQ(Read(9, header::kType, Width::k1), 0u);
  EXPECT_EQ(Read(0, header::kType, Width::k1), 0u);
}

TEST_F(HostBridgeTest, EveryBarHasAnAddressBeforeTheGuestRuns) {
  Start();
  EXPECT_EQ(Read(8, 0x10, Width::k8), 64 * base::kGiB + 0xc);
  EXPECT_EQ(Read(8, 0x18, Width::k4), 0xc0000000u);
  EXPECT_EQ(Read(8, 0x1c, Width::k4), 0xc001u);
  EXPECT_THAT(function->applied, IsEmpty());
  Write(8, header::kCommand, Width::k2, kCommandMemory | kCommandIo);
  EXPECT_THAT(function->applied, ElementsAre(BarChange{0, {64 * base::kGiB, 0x4000}, true},
                                             BarChange{2, {0xc0000000, 0x1000}, true},
                                             BarChange{3, {0xc000, 32}, true}));
}

TEST_F(HostBridgeTest, ANewBoardStartsAfresh) {
  Start();
  Write(8, header::kCommand, Width::k2, kCommandMemory);
  Write(8, 0x18, Width::k4, 0xc0200000);
  bridge->Disconnect();
  EXPECT_EQ(function->disconnects, 1u);
  EXPECT_EQ(memory.Read(Ecam(8, 0), Width::k4), kAbsent);
  EXPECT_EQ(ports.Read(0xcf8, Width::k4), kAbsent);
  Bus next_ports, next_memory;
  function->applied.clear();
  ASSERT_THAT(bridge->Connect({&next_ports, &next_memory, nullptr}, router), IsOk());
  EXPECT_EQ(next_memory.Read(Ecam(8, 0x18), Width::k4), 0xc0000000u);
  next_memory.Write(Ecam(8, header::kCommand), Width::k2, kCommandMemory);
  EXPECT_EQ(function->applied.size(), 2u);
}

TEST_F(HostBridgeTest, AFailedConnectLeavesNothingAttached) {
  function->fail_connect = true;
  ASSERT_THAT(bridge->Add(8, function), IsOk());
  EXPECT_THAT(bridge->Connect({&ports, &memory, nullptr}, router),
              test::FailsWith(base::Code::kKernel));
  EXPECT_EQ(function->disconnects, 1u);
  EXPECT_EQ(ports.Read(0xcf8, Width::k4), kAbsent);
  function->fail_connect = false;
  EXPECT_THAT(bridge->Connect({&ports, &memory, nullptr}, router), IsOk());
}

}  // namespace
}  // namespace vmm::pci
