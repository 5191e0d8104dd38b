#include "vmm/pci/host_bridge.h"

#include <gmock/gmock.h>

#include "tests/support/fake_router.h"
#include "tests/support/matchers.h"
#include "vmm/pci/bars.h"
#include "vmm/pci/registers.h"
#include "vmm/platform.h"

namespace vmm::pci {
namespace {

using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kAbsent = 0xffffffff;

Layout MakeLayout() {
  Layout layout;
  layout.ram = {{0, 0xb0000000}};
  layout.ecam = {0xb0000000, 256 * base::kMiB};
  layout.mmio32 = {0xc0000000, 0x3ec00000};
  layout.mmio64 = {64 * base::kGiB, 64 * base::kGiB};
  return layout;
}

// An emulated function that records what the bridge does with it.
class FakeFunction final : public PciFunction {
 public:
  FakeFunction(std::string name, std::vector<BarInfo> bars)
      : name_(std::move(name)), bars_(std::move(bars)) {}

  std::string_view name() const override { return name_; }
  std::vector<BarInfo> bars() const override { return bars_; }
  uint32_t ReadConfig(uint16_t offset, Width width) override {
    reads.push_back(static_cast<unsigned>(width));
    return config.Shadow(offset, width);
  }
  std::vector<BarChange> WriteConfig(uint16_t offset, Width width, uint32_t value) override {
    config.Write(offset, width, value);
    const DecodedBars before = std::exchange(decoded, DecodeBars(config, bars_));
    return PlanBarChanges(before, decoded);
  }
  base::Status ApplyBar(const BarChange& change, const Spaces&) override {
    if (fail_apply && change.active) return base::Fail(base::Code::kKernel, "no slot");
    applied.push_back(change);
    return {};
  }
  base::Status Connect(kvm::InterruptRouter&) override {
    config = ConfigSpace(kExtendedConfigSize);
    config.OwnZero(0, kExtendedConfigSize);
    config.Own(kVendorId, Width::k4, 0x12345678);
    config.Own(kCommand, Width::k2, 0, 7);
    OwnBarRegisters(config, bars_);
    decoded = {};
    ++connects;
    return fail_connect ? base::Status(base::Fail(base::Code::kKernel, "gone")) : base::Status();
  }
  void Disconnect() override { ++disconnects; }

  ConfigSpace config{kExtendedConfigSize};
  DecodedBars decoded;
  std::vector<BarChange> applied;
  std::vector<unsigned> reads;
  bool fail_apply = false;
  bool fail_connect = false;
  unsigned connects = 0;
  unsigned disconnects = 0;

 private:
  std::string name_;
  std::vector<BarInfo> bars_;
};

class FakePort final : public IoDevice {
 public:
  std::string_view name() const override { return "reset"; }
  uint64_t Read(Access) override { return 0x5a; }
  void Write(Access access, uint64_t value) override {
    EXPECT_EQ(access.offset, 0u);
    written.push_back(value);
  }
  std::vector<uint64_t> written;
};

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
  std::shared_ptr<FakePort> reset = std::make_shared<FakePort>();
  std::shared_ptr<FakeFunction> function = std::make_shared<FakeFunction>(
      "dev", std::vector<BarInfo>{{0, BarKind::kMemory64, 0x4000, true},
                                  {2, BarKind::kMemory32, 0x1000, false},
                                  {3, BarKind::kIo, 32, false}});
  std::shared_ptr<HostBridge> bridge = HostBridge::Create(MakeLayout(), reset);
};

TEST_F(HostBridgeTest, ADuplicateAddressIsRefused) {
  EXPECT_THAT(bridge->Add(0, function),
              test::FailsWith(base::Code::kUsage, HasSubstr("00.0 is taken by host bridge")));
  ASSERT_THAT(bridge->Add(8, function), IsOk());
  EXPECT_THAT(bridge->Add(8, function), test::FailsWith(base::Code::kUsage, HasSubstr("01.0")));
}

TEST_F(HostBridgeTest, AbsentFunctionsAndOtherBusesReadAllOnes) {
  Start();
  EXPECT_EQ(Read(16, 0, Width::k4), kAbsent);
  EXPECT_EQ(Read(16, 0, Width::k8), ~uint64_t{0});
  EXPECT_EQ(Read(256 + 8, 0, Width::k2), 0xffffu);
  Write(16, 4, Width::k4, 7);
  EXPECT_THAT(function->reads, IsEmpty());
}

TEST_F(HostBridgeTest, EcamCarriesEveryWidth) {
  Start();
  EXPECT_EQ(Read(8, 0, Width::k1), 0x78u);
  EXPECT_EQ(Read(8, 2, Width::k2), 0x1234u);
  EXPECT_EQ(Read(8, 0, Width::k4), 0x12345678u);
  EXPECT_EQ(Read(8, 0, Width::k8), 0x12345678u);
  EXPECT_EQ(Read(8, 1, Width::k4), 0x00123456u);  // unaligned: natural parts
  EXPECT_EQ(Read(8, 0xffe, Width::k4), kAbsent);  // leaves the function
  EXPECT_THAT(function->reads, ElementsAre(1, 2, 4, 4, 4, 1, 2, 1));
}

TEST_F(HostBridgeTest, PortsCarryEveryWidth) {
  Start();
  EXPECT_EQ(ports.Read(0xcfc, Width::k4), kAbsent);  // not enabled
  ports.Write(0xcf8, Width::k4, 0x80000803);
  EXPECT_EQ(ports.Read(0xcf8, Width::k4), 0x80000800u);
  EXPECT_EQ(ports.Read(0xcfc, Width::k4), 0x12345678u);
  EXPECT_EQ(ports.Read(0xcfd, Width::k1), 0x56u);
  EXPECT_EQ(ports.Read(0xcfe, Width::k2), 0x1234u);
  EXPECT_EQ(ports.Read(0xcfd, Width::k2), 0x3456u);
  ports.Write(0xcf8, Width::k2, 0);  // only 4 bytes reach the address register
  ports.Write(0xcfb, Width::k1, 1);
  EXPECT_EQ(ports.Read(0xcf8, Width::k4), 0x80000800u);
  ports.Write(0xcf8, Width::k4, 0x80000804);
  ports.Write(0xcfc, Width::k1, 4);
  EXPECT_EQ(function->config.Shadow(kCommand, Width::k2), 4u);
  ports.Write(0xcf8, Width::k4, 0x80010800);
  EXPECT_EQ(ports.Read(0xcfc, Width::k4), kAbsent);
}

TEST_F(HostBridgeTest, ResetPortLiesInTheAddressRegister) {
  Start();
  ports.Write(kResetPort, Width::k1, 6);
  EXPECT_THAT(reset->written, ElementsAre(6));
  EXPECT_EQ(ports.Read(kResetPort, Width::k1), 0x5au);
}

TEST_F(HostBridgeTest, TheBridgeItselfIsThere) {
  Start();
  EXPECT_EQ(Read(0, 8, Width::k4), 0x06000000u);
  Write(0, 0x10, Width::k4, 0xffffffff);
  EXPECT_EQ(Read(0, 0x10, Width::k4), 0u);
}

TEST_F(HostBridgeTest, FunctionZeroTellsOfItsSiblings) {
  ASSERT_THAT(bridge->Add(9, std::make_shared<FakeFunction>("sibling", std::vector<BarInfo>{})),
              IsOk());
  Start();
  EXPECT_EQ(Read(8, kHeaderType, Width::k1), kMultiFunction);
  EXPECT_EQ(Read(8, 0xc, Width::k4), 0x00800000u);
  EXPECT_EQ(Read(9, kHeaderType, Width::k1), 0u);
  EXPECT_EQ(Read(0, kHeaderType, Width::k1), 0u);
}

TEST_F(HostBridgeTest, EveryBarHasAnAddressBeforeTheGuestRuns) {
  Start();
  EXPECT_EQ(Read(8, 0x10, Width::k8), 64 * base::kGiB + 0xc);
  EXPECT_EQ(Read(8, 0x18, Width::k4), 0xc0000000u);
  EXPECT_EQ(Read(8, 0x1c, Width::k4), 0xc001u);
  EXPECT_THAT(function->applied, IsEmpty());
  Write(8, kCommand, Width::k2, kCommandMemory | kCommandIo);
  EXPECT_THAT(function->applied, ElementsAre(BarChange{0, {64 * base::kGiB, 0x4000}, true},
                                             BarChange{2, {0xc0000000, 0x1000}, true},
                                             BarChange{3, {0xc000, 32}, true}));
}

TEST_F(HostBridgeTest, ABarOnRamStaysInactive) {
  Start();
  Write(8, 0x18, Width::k4, 0x100000);
  Write(8, 0x1c, Width::k4, 0xcf8);
  Write(8, kCommand, Width::k2, kCommandMemory | kCommandIo);
  EXPECT_THAT(function->applied, ElementsAre(BarChange{0, {64 * base::kGiB, 0x4000}, true}));
  function->applied.clear();
  Write(8, 0x18, Width::k4, 0xc0100000);  // nothing to take away, only to activate
  EXPECT_THAT(function->applied, ElementsAre(BarChange{2, {0xc0100000, 0x1000}, true}));
}

TEST_F(HostBridgeTest, ABarWaitsForTheOneInItsWay) {
  Start();
  Write(8, kCommand, Width::k2, kCommandMemory);
  function->applied.clear();
  Write(8, 0x14, Width::k4, 0);  // BAR 0 at 0: nowhere
  Write(8, 0x10, Width::k4, 0xc0000000);
  EXPECT_THAT(function->applied, ElementsAre(BarChange{0, {64 * base::kGiB, 0x4000}, false}));
  function->applied.clear();
  Write(8, 0x18, Width::k4, 0xc0200000);
  EXPECT_THAT(function->applied, ElementsAre(BarChange{2, {0xc0000000, 0x1000}, false},
                                             BarChange{0, {0xc0000000, 0x4000}, true},
                                             BarChange{2, {0xc0200000, 0x1000}, true}));
}

TEST_F(HostBridgeTest, ABarThatCannotBeAppliedIsNotTakenAwayLater) {
  Start();
  function->fail_apply = true;
  Write(8, kCommand, Width::k2, kCommandMemory);
  function->fail_apply = false;
  Write(8, kCommand, Width::k2, 0);
  EXPECT_THAT(function->applied, IsEmpty());
}

TEST_F(HostBridgeTest, ANewBoardStartsAfresh) {
  Start();
  Write(8, kCommand, Width::k2, kCommandMemory);
  Write(8, 0x18, Width::k4, 0xc0200000);
  bridge->Disconnect();
  EXPECT_EQ(function->disconnects, 1u);
  EXPECT_EQ(memory.Read(Ecam(8, 0), Width::k4), kAbsent);
  EXPECT_EQ(ports.Read(0xcf8, Width::k4), kAbsent);
  Bus next_ports, next_memory;
  function->applied.clear();
  ASSERT_THAT(bridge->Connect({&next_ports, &next_memory, nullptr}, router), IsOk());
  EXPECT_EQ(next_memory.Read(Ecam(8, 0x18), Width::k4), 0xc0000000u);
  next_memory.Write(Ecam(8, kCommand), Width::k2, kCommandMemory);
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
