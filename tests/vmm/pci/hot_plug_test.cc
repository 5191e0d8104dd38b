#include <gmock/gmock.h>

#include "tests/support/fake_function.h"
#include "tests/support/fake_router.h"
#include "tests/support/matchers.h"
#include "vmm/pci/host_bridge.h"

namespace vmm::pci {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kAbsent = 0xffffffff;
constexpr uint8_t kPort = 0x10;  // 02.0
constexpr uint16_t kSlotControl = 0x40 + 0x18;
constexpr uint16_t kSlotStatus = 0x40 + 0x1a;
constexpr uint32_t kPowerOff = 1 << 10;

class HotPlugTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(bridge->AddPort(kPort, 1), IsOk());
    bridge->OnRemoved([this](uint8_t port) { removed.push_back(port); });
  }
  void Start() { ASSERT_THAT(bridge->Connect({&ports, &memory, nullptr}, router), IsOk()); }
  Card OneFunction() {
    Card card;
    card.functions[0] = function;
    return card;
  }
  uint32_t Vendor() { return bridge->ReadConfig(1, 0, 0, Width::k4); }
  void WriteSlot(uint32_t control) {
    bridge->WriteConfig(0, kPort, kSlotControl, Width::k2, control);
  }

  Bus ports, memory;
  test::FakeRouter router;
  std::shared_ptr<test::FakeFunction> function = std::make_shared<test::FakeFunction>(
      "dev", std::vector<BarInfo>{{0, BarKind::kMemory32, 0x4000, false}});
  std::shared_ptr<HostBridge> bridge = HostBridge::Create(test::LayoutWithWindows(), nullptr);
  std::vector<uint8_t> removed;
};

TEST_F(HotPlugTest, ACardFromTheStartHasItsAddresses) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  EXPECT_EQ(Vendor(), 0x12345678u);
  const uint32_t bar = bridge->ReadConfig(1, 0, 0x10, Width::k4);
  const uint32_t window = bridge->ReadConfig(0, kPort, 0x20, Width::k4);
  EXPECT_GE(bar, (window & 0xfff0) << 16);
  EXPECT_LE(bar + 0x3fff, (window & 0xfff00000) | 0xfffff);
  EXPECT_EQ(bridge->ReadConfig(1, 8, 0, Width::k4), kAbsent);
  EXPECT_EQ(bridge->ReadConfig(2, 0, 0, Width::k4), kAbsent);
  EXPECT_FALSE(bridge->IsFree(kPort));
}

TEST_F(HotPlugTest, ACardThatComesIsThereWhenTheGuestGivesPower) {
  Start();
  EXPECT_TRUE(bridge->IsFree(kPort));
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  EXPECT_EQ(Vendor(), kAbsent);
  EXPECT_EQ(function->connects, 0u);
  WriteSlot(0);
  EXPECT_EQ(Vendor(), 0x12345678u);
  EXPECT_EQ(function->connects, 1u);
  EXPECT_EQ(function->resets, 0u);  // it was reset when it was opened
  EXPECT_THAT(bridge->Insert(kPort, OneFunction()), FailsWith(base::Code::kInUse));
}

TEST_F(HotPlugTest, ACardWithoutPowerIsToldOfAgain) {
  Start();
  EXPECT_FALSE(bridge->Announce(kPort));
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  bridge->WriteConfig(0, kPort, kSlotStatus, Width::k2, 0x108);
  EXPECT_TRUE(bridge->Announce(kPort));
  EXPECT_EQ(bridge->ReadConfig(0, kPort, kSlotStatus, Width::k2), 0x148u);
  WriteSlot(0);
  EXPECT_FALSE(bridge->Announce(kPort));
}

TEST_F(HotPlugTest, TheGuestLetsGoWhenItIsAsked) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  ASSERT_THAT(bridge->RequestRemoval(kPort), IsOk());
  EXPECT_EQ(bridge->ReadConfig(0, kPort, kSlotStatus, Width::k2), 0x41u);
  bridge->WriteConfig(0, kPort, kSlotStatus, Width::k2, 1);
  ASSERT_THAT(bridge->RequestRemoval(kPort), IsOk());  // no second press
  EXPECT_EQ(bridge->ReadConfig(0, kPort, kSlotStatus, Width::k2), 0x40u);
  EXPECT_EQ(Vendor(), 0x12345678u);
  WriteSlot(kPowerOff);
  EXPECT_THAT(removed, ElementsAre(kPort));
  EXPECT_EQ(Vendor(), kAbsent);
  EXPECT_EQ(function->disconnects, 1u);
  EXPECT_TRUE(bridge->IsFree(kPort));
  EXPECT_EQ(function.use_count(), 1);
}

TEST_F(HotPlugTest, ARequestThatIsOverIsMadeAnew) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  ASSERT_THAT(bridge->RequestRemoval(kPort), IsOk());
  bridge->WriteConfig(0, kPort, kSlotStatus, Width::k2, 1);
  bridge->WithdrawRequest(kPort);
  // Too late, the card stays.
  WriteSlot(kPowerOff);
  EXPECT_THAT(removed, IsEmpty());
  WriteSlot(0);
  ASSERT_THAT(bridge->RequestRemoval(kPort), IsOk());
  EXPECT_EQ(bridge->ReadConfig(0, kPort, kSlotStatus, Width::k2) & 1, 1u);
  WriteSlot(kPowerOff);
  EXPECT_THAT(removed, ElementsAre(kPort));
}

TEST_F(HotPlugTest, AGuestThatTakesThePowerKeepsItsCard) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  WriteSlot(kPowerOff);
  EXPECT_EQ(Vendor(), kAbsent);
  EXPECT_THAT(removed, IsEmpty());
  EXPECT_FALSE(bridge->IsFree(kPort));
  WriteSlot(0);
  EXPECT_EQ(Vendor(), 0x12345678u);
  EXPECT_EQ(function->resets, 1u);
  EXPECT_EQ(function->connects, 2u);
}

TEST_F(HotPlugTest, WithoutPowerACardLeavesAtOnce) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  WriteSlot(kPowerOff);
  ASSERT_THAT(bridge->RequestRemoval(kPort), IsOk());
  EXPECT_THAT(removed, ElementsAre(kPort));
}

TEST_F(HotPlugTest, ACardIsTakenOutWhateverTheGuestDoes) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  bridge->WriteConfig(1, 0, header::kCommand, Width::k2, kCommandMemory);
  ASSERT_EQ(function->applied.size(), 1u);
  bridge->TakeOut(kPort);
  EXPECT_EQ(Vendor(), kAbsent);
  EXPECT_EQ(function->disconnects, 1u);
  EXPECT_EQ(bridge->ReadConfig(0, kPort, kSlotStatus, Width::k2), 0x108u);
  EXPECT_THAT(removed, IsEmpty());
  // Its place is free for another one at once.
  auto next = std::make_shared<test::FakeFunction>("next", function->bars());
  Card card;
  card.functions[0] = next;
  ASSERT_THAT(bridge->Insert(kPort, card), IsOk());
  EXPECT_EQ(Vendor(), 0x12345678u);
  EXPECT_EQ(next->resets, 0u);
}

TEST_F(HotPlugTest, ACardWithoutRoomIsRefused) {
  Start();
  Card card;
  card.functions[0] = std::make_shared<test::FakeFunction>(
      "large", std::vector<BarInfo>{{0, BarKind::kMemory64, 128 * base::kGiB, true}});
  EXPECT_THAT(bridge->Insert(kPort, card), FailsWith(base::Code::kUnfit));
  EXPECT_TRUE(bridge->IsFree(kPort));
  // A port's window may move, so that this one has room.
  card.functions[0] = std::make_shared<test::FakeFunction>(
      "moves", std::vector<BarInfo>{{0, BarKind::kMemory64, 32 * base::kGiB, true}});
  EXPECT_THAT(bridge->Insert(kPort, card), IsOk());
}

TEST_F(HotPlugTest, ACardWithoutRoomIsRefusedBetweenTwoLives) {
  Start();
  bridge->Disconnect();
  Card card;
  card.functions[0] = std::make_shared<test::FakeFunction>(
      "large", std::vector<BarInfo>{{0, BarKind::kMemory64, 128 * base::kGiB, true}});
  EXPECT_THAT(bridge->Insert(kPort, card), FailsWith(base::Code::kUnfit));
  EXPECT_TRUE(bridge->IsFree(kPort));
  Start();
  EXPECT_EQ(Vendor(), kAbsent);
}

TEST_F(HotPlugTest, AnAskedCardLeavesWithTheReboot) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  ASSERT_THAT(bridge->RequestRemoval(kPort), IsOk());
  bridge->Disconnect();
  EXPECT_THAT(removed, ElementsAre(kPort));
  EXPECT_EQ(function->disconnects, 2u);
  Start();
  EXPECT_EQ(Vendor(), kAbsent);
}

TEST_F(HotPlugTest, ASecondaryBusResetResetsTheCard) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  bridge->WriteConfig(1, 0, 0x10, Width::k4, 0xd0000000);
  bridge->WriteConfig(0, kPort, 0x3e, Width::k2, 0x40);
  bridge->WriteConfig(0, kPort, 0x3e, Width::k2, 0);
  EXPECT_EQ(function->resets, 1u);
  EXPECT_EQ(bridge->ReadConfig(1, 0, 0x10, Width::k4), 0u);
}

TEST_F(HotPlugTest, ACardThatDoesNotComeBackIsAbsent) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  Start();
  WriteSlot(kPowerOff);
  function->fail_connect = true;
  WriteSlot(0);
  EXPECT_EQ(Vendor(), kAbsent);
  EXPECT_THAT(removed, ElementsAre(kPort));
  EXPECT_TRUE(bridge->IsFree(kPort));
}

TEST_F(HotPlugTest, ACardOfSeveralFunctionsIsResetAsOne) {
  auto second = std::make_shared<test::FakeFunction>("second", function->bars());
  Card card = OneFunction();
  card.functions[1] = second;
  unsigned resets = 0;
  card.reset = [&]() -> base::Status {
    ++resets;
    EXPECT_EQ(function->disconnects, 1u);
    EXPECT_EQ(second->disconnects, 1u);
    return {};
  };
  ASSERT_THAT(bridge->Insert(kPort, std::move(card)), IsOk());
  Start();
  EXPECT_EQ(resets, 0u);
  bridge->WriteConfig(0, kPort, 0x3e, Width::k2, 0x40);
  bridge->WriteConfig(0, kPort, 0x3e, Width::k2, 0);
  EXPECT_EQ(resets, 1u);
  EXPECT_EQ(function->resets, 0u);
  EXPECT_EQ(second->connects, 2u);
}

TEST_F(HotPlugTest, BetweenTwoBoardsACardAndAFunctionCanGo) {
  ASSERT_THAT(bridge->Insert(kPort, OneFunction()), IsOk());
  ASSERT_THAT(
      bridge->Add(0x20, std::make_shared<test::FakeFunction>("on bus 0", std::vector<BarInfo>())),
      IsOk());
  Start();
  EXPECT_EQ(bridge->ReadConfig(0, 0x20, 0, Width::k4), 0x12345678u);
  bridge->Disconnect();
  bridge->TakeOut(kPort);
  bridge->Remove(0x20);
  Start();
  EXPECT_EQ(Vendor(), kAbsent);
  EXPECT_EQ(bridge->ReadConfig(0, kPort, kSlotStatus, Width::k2), 0u);
  EXPECT_EQ(bridge->ReadConfig(0, 0x20, 0, Width::k4), kAbsent);
  EXPECT_THAT(removed, IsEmpty());
}

TEST_F(HotPlugTest, AFunctionOfBus0GoesFromAGuestThatRuns) {
  const auto fixed = std::make_shared<test::FakeFunction>(
      "on bus 0", std::vector<BarInfo>{{0, BarKind::kMemory32, 0x4000, false}});
  ASSERT_THAT(bridge->Add(0x20, fixed), IsOk());
  Start();
  bridge->WriteConfig(0, 0x20, header::kCommand, Width::k2, 2);
  ASSERT_EQ(fixed->applied.size(), 1u);
  bridge->Remove(0x20);
  bridge->Remove(0x20);
  EXPECT_EQ(fixed->disconnects, 1u);
  EXPECT_EQ(bridge->ReadConfig(0, 0x20, 0, Width::k4), kAbsent);
}

}  // namespace
}  // namespace vmm::pci
