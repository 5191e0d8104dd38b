#include "vmm/virtio/virtio_pci.h"

#include <gmock/gmock.h>

#include "tests/support/echo_function.h"
#include "tests/support/fake_kvm.h"
#include "tests/support/matchers.h"
#include "vmm/virtio/rng.h"

namespace vmm::virtio {
namespace {

using test::EchoDevice;
using test::Eventually;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;

using VirtioPciTest = test::EchoFunction;

TEST_F(VirtioPciTest, HasTheIdentityAndTheCapabilitiesOfAModernDevice) {
  const auto config = [&](uint16_t offset, Width width) {
    return function_->ReadConfig(offset, width);
  };
  EXPECT_EQ(config(0, Width::k4), 0x10a31af4u);
  EXPECT_EQ(config(8, Width::k1), 1u);
  EXPECT_GE(config(0x2e, Width::k2), 0x40u);
  EXPECT_EQ(config(0x3d, Width::k1), 1u);
  EXPECT_EQ(config(0x10, Width::k4) & 0xf, 0xcu) << "64 bits, prefetchable";
  std::vector<std::pair<unsigned, unsigned>> structures;  // type and offset in the BAR
  std::vector<unsigned> others;
  auto at = static_cast<uint16_t>(config(0x34, Width::k1));
  for (unsigned steps = 0; at != 0 && steps < 20; ++steps) {
    if (config(at, Width::k1) == 9) {
      structures.emplace_back(config(at + 3, Width::k1), config(at + 8, Width::k4));
    } else {
      others.push_back(config(at, Width::k1));
    }
    at = static_cast<uint16_t>(config(at + 1, Width::k1));
  }
  EXPECT_THAT(structures,
              ElementsAre(std::pair(1u, 0u), std::pair(2u, 0x3000u), std::pair(3u, 0x1000u),
                          std::pair(4u, 0x2000u), std::pair(5u, 0u)));
  EXPECT_THAT(others, ElementsAre(0x11u, 0x01u, 0x10u));
}

TEST_F(VirtioPciTest, ADeviceWithoutConfigurationHasNoSuchCapability) {
  const pci::ConfigSpace space = PlanConfigSpace(Rng().model());
  for (uint32_t at = space.Shadow(0x34, Width::k1); at != 0;
       at = space.Shadow(static_cast<uint16_t>(at + 1), Width::k1)) {
    const auto offset = static_cast<uint16_t>(at);
    if (space.Shadow(offset, Width::k1) != 9) continue;
    EXPECT_NE(space.Shadow(static_cast<uint16_t>(offset + 3), Width::k1), 4u);
  }
}

TEST_F(VirtioPciTest, ARequestGoesRoundByInterrupts) {
  for (const unsigned bits : {0u, 1u, 6u, 7u}) {
    Start({(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0});
    driver_->Store<uint64_t>(kData, 0x1122334455667788 + bits);
    const int event = EventOf(0x41);
    ASSERT_GE(event, 0);
    driver_->Arm();
    Add(7);
    Kick(0);
    ASSERT_TRUE(TakeInterrupt(event));
    const auto done = driver_->Reap();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->token, 7u);
    EXPECT_EQ(done->written, 16u);
    EXPECT_EQ(driver_->Load<uint64_t>(kData + 64), 0x1122334455667788 + bits);
    EXPECT_EQ(Read(0x1000, Width::k1), 1u) << "also with MSI-X";
    EXPECT_EQ(Read(0x1000, Width::k1), 0u);
  }
}

// Sets its queue up first, negotiates nothing but the version, and polls (SeaBIOS).
TEST_F(VirtioPciTest, AFirmwareIsServed) {
  driver_.emplace(bytes_, kBase, uint16_t{16}, RingFeatures{});
  SetStatus(0);
  SetStatus(3);
  SetUpQueue(0, kNoVector);
  Negotiate(kVersion1);
  SetStatus(11);
  Add(1);
  Kick(0);  // before DRIVER_OK
  SetStatus(15);
  EXPECT_TRUE(Reaps(1));
  Add(2);
  Kick(0);
  EXPECT_TRUE(Reaps(2));
  EXPECT_EQ(Read(0x1000, Width::k1), 1u);
  EXPECT_THAT(router_.signalled, IsEmpty());
}

TEST_F(VirtioPciTest, AQueueThatIsNotPossibleAsksForAReset) {
  Start({});
  SetStatus(0);
  SetStatus(3);
  Negotiate(kVersion1);
  SetStatus(11);
  Write(16, Width::k2, 0);
  SetUpQueue(0, 1);
  Write(32, Width::k4, 0x80000000);  // no RAM
  SetStatus(15);
  EXPECT_EQ(Status(), 15 | status::kNeedsReset);
  EXPECT_TRUE(TakeInterrupt(EventOf(0x40))) << "of the configuration";
  Kick(0);
  SetStatus(0);
  EXPECT_EQ(Status(), 0);
}

TEST_F(VirtioPciTest, ABrokenRingAsksForAResetAndWorksAfterIt) {
  Start({});
  driver_->Store<uint16_t>(driver_->setup().driver + 2, 100);
  Kick(0);
  EXPECT_TRUE(Eventually([&] { return (Status() & status::kNeedsReset) != 0; }));
  EXPECT_TRUE(TakeInterrupt(EventOf(0x40)));
  for (unsigned i = 0; i < 1000; ++i) Kick(0);
  Start({});
  Add(3);
  Kick(0);
  EXPECT_TRUE(Reaps(3));
}

TEST_F(VirtioPciTest, AResetWaitsForWhatIsInProgress) {
  Start({});
  echo_->hold = true;
  Add(1);
  Kick(0);
  ASSERT_TRUE(Eventually([&] { return echo_->handled == 1; }));
  SetStatus(0);
  EXPECT_NE(Status(), 0) << "the kernel may still write into the guest's memory";
  EXPECT_FALSE(function_->quiet());
  EXPECT_EQ(resets_, 0u);
  SetStatus(1);
  Write(24, Width::k2, 4);
  Kick(0);
  OnIo([&] { echo_->Release(); });
  EXPECT_TRUE(Eventually([&] { return Status() == 0; }));
  EXPECT_TRUE(function_->quiet());
  EXPECT_TRUE(Eventually([&] { return resets_ == 1; }));
  EXPECT_FALSE(driver_->Reap()) << "nothing is written into a ring after its reset";
  echo_->hold = false;
  Start({});
  Add(2);
  Kick(0);
  EXPECT_TRUE(Reaps(2));
}

TEST_F(VirtioPciTest, AResetInAnyStateIsWhole) {
  for (const unsigned last : {0u, 1u, 3u, 11u, 15u}) {
    SetStatus(0);
    if (last >= 1) SetStatus(1);
    if (last >= 3) SetStatus(3);
    if (last >= 11) Negotiate(kVersion1);
    if (last >= 11) SetStatus(11);
    Write(22, Width::k2, 1);
    Write(24, Width::k2, 8);
    Write(16, Width::k2, 1);
    if (last >= 15) SetStatus(15);
    SetStatus(0);
    ASSERT_EQ(Status(), 0);
    EXPECT_EQ(Read(22, Width::k2), 0u);
    EXPECT_EQ(Read(16, Width::k2), 0xffffu);
    Write(22, Width::k2, 1);
    EXPECT_EQ(Read(24, Width::k2), 16u);
    EXPECT_EQ(Read(28, Width::k2), 0u);
  }
}

TEST_F(VirtioPciTest, NoRingIsTouchedWithoutBusMastering) {
  Start({});
  SetCommand(pci::kCommandMemory);
  Add(1);
  Kick(0);
  OnIo([] {});
  OnIo([] {});
  EXPECT_EQ(echo_->handled, 0u);
  SetCommand(pci::kCommandMemory | pci::kCommandMaster);
  EXPECT_TRUE(Reaps(1)) << "without another kick";
  // What the device has meanwhile comes afterwards.
  echo_->hold = true;
  Add(2);
  Kick(0);
  ASSERT_TRUE(Eventually([&] { return echo_->handled == 2; }));
  SetCommand(pci::kCommandMemory);
  OnIo([&] { echo_->Release(); });
  EXPECT_FALSE(driver_->Reap());
  SetCommand(pci::kCommandMemory | pci::kCommandMaster);
  EXPECT_TRUE(Reaps(2));
}

TEST_F(VirtioPciTest, WhoTakesBusMasteringAwayWaitsForTheDeviceWithoutALock) {
  Start({});
  echo_->hold = true;
  Add(1);
  Kick(0);
  ASSERT_TRUE(Eventually([&] { return echo_->handled == 1; }));
  function_->WriteConfig(4, Width::k2, pci::kCommandMemory);
  EXPECT_EQ(function_->ReadConfig(4, Width::k2) & pci::kCommandMaster, 0u);
  const auto wait = function_->Waiting();
  ASSERT_TRUE(wait);
  EXPECT_FALSE(function_->Waiting()) << "once for a write";
  OnIo([&] { echo_->Release(); });
  wait();
  EXPECT_FALSE(driver_->Reap());
  function_->WriteConfig(4, Width::k2, pci::kCommandMemory | pci::kCommandMaster);
  EXPECT_FALSE(function_->Waiting());
  EXPECT_TRUE(Reaps(1));
}

TEST_F(VirtioPciTest, AQueueIsResetAlone) {
  Start({});
  echo_->hold = true;
  Add(1);
  Kick(0);
  ASSERT_TRUE(Eventually([&] { return echo_->handled == 1; }));
  Write(22, Width::k2, 0);
  Write(58, Width::k2, 1);
  EXPECT_EQ(Read(58, Width::k2), 1u);
  OnIo([&] { echo_->Release(); });
  EXPECT_TRUE(Eventually([&] { return Read(58, Width::k2) == 0; }));
  EXPECT_EQ(Read(28, Width::k2), 0u);
  echo_->hold = false;
  std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
  driver_.emplace(bytes_, kBase, uint16_t{8}, RingFeatures{});
  SetUpQueue(0, 1);
  Add(5);
  Kick(0);
  EXPECT_TRUE(Reaps(5));
  EXPECT_EQ(Status(), 15);
}

TEST_F(VirtioPciTest, ThePinIsHighUntilItsReasonIsRead) {
  Start({});
  function_->WriteConfig(kMsixCapability + 2, Width::k2, 0);
  Add(1);
  Kick(0);
  ASSERT_TRUE(Eventually([&] { return !router_.resamples.empty(); }));
  ASSERT_EQ(router_.connects.back().gsi, 20u);
  const int pin = router_.connects.back().event;
  const int end = router_.resamples.back();
  ASSERT_TRUE(TakeInterrupt(pin));
  EXPECT_NE(function_->ReadConfig(6, Width::k2) & pci::kStatusInterrupt, 0u);
  const uint64_t one = 1;
  ASSERT_EQ(::write(end, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  EXPECT_TRUE(TakeInterrupt(pin)) << "ended without a look: still wanted";
  EXPECT_EQ(Read(0x1000, Width::k1), 1u);
  ASSERT_EQ(::write(end, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  OnIo([] {});
  OnIo([] {});
  EXPECT_FALSE(TakeInterrupt(pin, 0));
  SetCommand(pci::kCommandMemory | pci::kCommandMaster | pci::kCommandIntxDisable);
  ASSERT_TRUE(driver_->Reap());
  Add(2);
  Kick(0);
  EXPECT_TRUE(Reaps(2));
  OnIo([] {});
  EXPECT_FALSE(TakeInterrupt(pin, 0));
  SetCommand(pci::kCommandMemory | pci::kCommandMaster);
  EXPECT_TRUE(TakeInterrupt(pin));
}

TEST_F(VirtioPciTest, AMaskedVectorKeepsItsInterrupt) {
  Start({});
  const uint64_t control = kTablePlace + 16 + 12;
  Write(control, Width::k4, 1);
  const size_t connects = router_.connects.size();
  driver_->Arm();
  Add(1);
  Kick(0);
  ASSERT_TRUE(Reaps(1));
  ASSERT_TRUE(Eventually([&] { return Read(kPendingPlace, Width::k8) == 2; }));
  Write(control, Width::k4, 0);
  ASSERT_EQ(router_.connects.size(), connects + 1);
  EXPECT_TRUE(TakeInterrupt(router_.connects.back().event));
  EXPECT_EQ(Read(kPendingPlace, Width::k8), 0u);
}

TEST_F(VirtioPciTest, TheWindowReachesTheRegisters) {
  constexpr uint16_t kCap = kWindowCapability;
  const auto window = [&](uint32_t offset, uint32_t length) {
    function_->WriteConfig(kCap + 4, Width::k1, 0);
    function_->WriteConfig(kCap + 8, Width::k4, offset);
    function_->WriteConfig(kCap + 12, Width::k4, length);
  };
  window(18, 2);
  EXPECT_EQ(function_->ReadConfig(kCap + 16, Width::k2), 2u);
  window(20, 1);
  function_->WriteConfig(kCap + 16, Width::k1, 1);
  EXPECT_EQ(Status(), 1);
  function_->WriteConfig(kCap + 16, Width::k4, 0xff03);  // as much as is behind it
  EXPECT_EQ(Status(), 3);
  window(0x2000, 4);
  EXPECT_EQ(function_->ReadConfig(kCap + 16, Width::k4), 0x44332211u);
  EXPECT_EQ(function_->ReadConfig(kCap + 16, Width::k1), 0x11u);
  for (const auto& [offset, length] : std::vector<std::pair<uint32_t, uint32_t>>{
           {20, 0}, {20, 3}, {20, 8}, {21, 2}, {0x8000, 1}, {0xfffffffc, 4}}) {
    window(offset, length);
    function_->WriteConfig(kCap + 16, Width::k4, 0);
    function_->ReadConfig(kCap + 16, Width::k4);
    EXPECT_EQ(Status(), 3);
  }
  // Doorbells too.
  Start({});
  Add(1);
  window(0x3000, 2);
  function_->WriteConfig(kCap + 16, Width::k2, 0);
  EXPECT_TRUE(Reaps(1));
}

TEST_F(VirtioPciTest, DoorbellsAreInTheKernelWhileTheBarAndTheQueueAreThere) {
  test::FakeKvm kvm;
  auto vm = kvm::Vm::Create(kvm);
  ASSERT_THAT(vm, IsOk());
  Bus ports, memory;
  const pci::Spaces spaces{&ports, &memory, vm->get()};
  const base::Range range{0x4000000000, kBarBytes};
  ASSERT_THAT(function_->ApplyBar({0, range, true}, spaces), IsOk());
  EXPECT_THAT(kvm.doorbells, IsEmpty());
  Start({});
  EXPECT_THAT(kvm.doorbells, ElementsAre(testing::Key(range.base + 0x3000)));
  EXPECT_EQ(memory.Read(range.base + 20, Width::k1), 15u);
  ASSERT_THAT(function_->ApplyBar({0, range, false}, spaces), IsOk());
  EXPECT_THAT(kvm.doorbells, IsEmpty());
  EXPECT_EQ(memory.Read(range.base + 20, Width::k1), 0xffu);
  ASSERT_THAT(function_->ApplyBar({0, {0x5000000000, kBarBytes}, true}, spaces), IsOk());
  EXPECT_EQ(kvm.doorbells.size(), 1u);
  SetStatus(0);
  EXPECT_THAT(kvm.doorbells, IsEmpty());
  Start({});
  function_->Disconnect();
  EXPECT_THAT(kvm.doorbells, IsEmpty());
  EXPECT_EQ(memory.Read(0x5000000014, Width::k1), 0xffu);
}

TEST_F(VirtioPciTest, AfterAPowerCycleEverythingIsNew) {
  Start({});
  function_->Disconnect();
  EXPECT_THAT(router_.gsis, IsEmpty());
  ASSERT_THAT(function_->Connect(router_), IsOk());
  EXPECT_EQ(Status(), 0);
  EXPECT_EQ(function_->ReadConfig(4, Width::k2), 0u);
  EXPECT_EQ(Read(kTablePlace + 12, Width::k4), 1u);
  SetCommand(pci::kCommandMemory | pci::kCommandMaster);
  Start({});
  Add(1);
  Kick(0);
  EXPECT_TRUE(Reaps(1));
}

}  // namespace
}  // namespace vmm::virtio
