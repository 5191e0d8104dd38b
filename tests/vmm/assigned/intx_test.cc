// The interrupt pin of an assigned device, and flips between it, MSI and MSI-X in any order.
#include <cerrno>
#include <random>

#include "tests/support/assigned_fixture.h"
#include "vmm/assigned/device.h"
#include "vmm/pci/registers.h"
#include "vmm/platform.h"

namespace vmm::assigned {
namespace {

using testing::IsEmpty;
namespace header = sysfs::registers::header;

constexpr uint16_t kWork = pci::kCommandIo | pci::kCommandMemory | pci::kCommandMaster;

class IntxTest : public test::AssignedFixture {
 protected:
  IntxTest() { base::SetLogLevel(base::Level::kError); }
  ~IntxTest() override { base::SetLogLevel(base::Level::kInfo); }
  IntxTest(const IntxTest&) = delete;
  IntxTest& operator=(const IntxTest&) = delete;

  void StartWithPin() { Start({.intx = true}); }
  void SetCommand(uint32_t command) { SetConfig(kCommandAt, Width::k2, command); }
  int Trigger() const { return fake.trigger(vfio::kIntxIrq, 0); }
  bool HardwareMasked() const {
    return (fake.ConfigValue(kCommandAt, 2) & pci::kCommandIntxDisable) != 0;
  }
  // The whole way from the device into the guest and back.
  void ExpectConnected() const {
    ASSERT_NE(Trigger(), -1);
    const auto event = static_cast<uint32_t>(Trigger());
    ASSERT_EQ(fake_kvm.irqfds.count(event), 1u);
    EXPECT_EQ(fake_kvm.irqfds.at(event), IntxGsi(0, 0));
    ASSERT_EQ(fake_kvm.resamples.count(event), 1u);
    EXPECT_EQ(static_cast<int>(fake_kvm.resamples.at(event)), fake.unmask_event());
  }
  void ExpectOff() const {
    EXPECT_EQ(Trigger(), -1);
    EXPECT_EQ(fake.unmask_event(), -1);
    EXPECT_THAT(fake_kvm.resamples, IsEmpty());
    EXPECT_TRUE(HardwareMasked());
  }
};

TEST_F(IntxTest, ThePinIsShownAndItsStateIsTheHardwares) {
  StartWithPin();
  EXPECT_TRUE(device->plan().intx);
  EXPECT_EQ(Config(header::kInterruptPin, Width::k1), 1u);
  EXPECT_EQ(Config(header::kStatus, Width::k2), 0x0018u);
  fake.SetConfigValue(header::kStatus, 0x0010, 2);
  EXPECT_EQ(Config(header::kStatus, Width::k2), 0x0010u);
}

TEST_F(IntxTest, TheLineIsTakenWhenTheGuestLetsTheDeviceWork) {
  StartWithPin();
  SetCommand(pci::kCommandSerr);
  ExpectOff();
  SetCommand(pci::kCommandMemory);
  ExpectConnected();
  EXPECT_FALSE(HardwareMasked());
  EXPECT_EQ(device->counters().set_irqs, 2u);
  SetCommand(0);  // the pin does not depend on decoding
  ExpectConnected();
}

TEST_F(IntxTest, TheDisableBitIsTheKernelsAndCostsNoSetUp) {
  StartWithPin();
  SetCommand(pci::kCommandMemory);
  fake.ClearIrqCalls();
  for (unsigned i = 0; i < 10; ++i) {
    SetCommand(pci::kCommandMemory | pci::kCommandIntxDisable);
    EXPECT_TRUE(HardwareMasked());
    SetConfig(kCommandAt + 1, Width::k1, 0);
    EXPECT_FALSE(HardwareMasked());
  }
  EXPECT_THAT(fake.irq_calls(), IsEmpty());
  ExpectConnected();
}

TEST_F(IntxTest, AMaskedPinIsSetUpMasked) {
  StartWithPin();
  SetCommand(pci::kCommandMemory | pci::kCommandIntxDisable);
  ExpectConnected();
  EXPECT_TRUE(HardwareMasked());
}

TEST_F(IntxTest, MsixTakesOverAndGivesBack) {
  StartWithPin();
  EnableMemory();
  SetMsixControl(0x8000);
  SetVector(0, 0x30);
  ExpectOff();
  EXPECT_NE(fake.trigger(vfio::kMsixIrq, 0), -1);
  SetMsixControl(0);
  EXPECT_EQ(fake.trigger(vfio::kMsixIrq, 0), -1);
  ExpectConnected();
  EXPECT_FALSE(HardwareMasked());
}

TEST_F(IntxTest, ARebootLeavesNothing) {
  StartWithPin();
  EnableMemory();
  ExpectConnected();
  bridge->Disconnect();
  ExpectOff();
  EXPECT_THAT(fake_kvm.irqfds, IsEmpty());
  ASSERT_THAT(bridge->Connect({&ports, &memory, vm.get()}, *vm), test::IsOk());
  Reboot();
  ExpectOff();
  EnableMemory();
  ExpectConnected();
}

TEST_F(IntxTest, ARefusedLineIsExplainedOnceAndNothingElseSuffers) {
  test::MakeEndpoint(fake, {.intx = true});
  unsigned asked = 0;
  DeviceOptions options;
  options.explain_intx = [&](base::Error why) {
    ++asked;
    EXPECT_EQ(why.err(), EBUSY);
    return base::Error(base::Code::kInUse, "shared with ahci");
  };
  device = std::move(*AssignedDevice::Create(std::move(*fake.Open(kernel)), std::move(options)));
  bridge = pci::HostBridge::Create(test::LayoutWithWindows(), nullptr);
  ASSERT_THAT(bridge->Add(kDevfn, device), test::IsOk());
  Boot();
  fake.Fail("VFIO_DEVICE_SET_IRQS", EBUSY);
  for (unsigned i = 0; i < 5; ++i) {
    SetCommand(0);
    SetCommand(kWork);
  }
  EXPECT_EQ(asked, 1u);
  EXPECT_THAT(fake_kvm.irqfds, IsEmpty());
  fake.Fail("VFIO_DEVICE_SET_IRQS", 0);
  SetMsixControl(0x8000);
  SetVector(0, 0x30);
  EXPECT_EQ(fake_kvm.irqfds.size(), 1u);
  SetMsixControl(0);
  ExpectOff();
  Reboot();
  SetCommand(kWork);
  ExpectConnected();
}

TEST_F(IntxTest, WhatFailsOnTheWayIsUndone) {
  StartWithPin();
  const auto calls = static_cast<int>(fake_kvm.calls().size());
  fake_kvm.FailAt(calls);  // KVM_IRQFD
  SetCommand(pci::kCommandMaster);
  ExpectOff();
  EXPECT_THAT(fake_kvm.irqfds, IsEmpty());
}

// What the guest has written last, and what must be set up for it.
struct Model {
  uint32_t command = 0, msi = 0, msix = 0;
  bool on = false;  // some interrupt mode is

  vfio::IrqIndex Mode() {
    const bool msix_on = (msix & pci::kMsixEnable) != 0, msi_on = (msi & pci::kMsiEnable) != 0;
    on = on || msix_on || msi_on || (command & kWork) != 0;
    if (msix_on) return vfio::kMsixIrq;
    if (msi_on) return vfio::kMsiIrq;
    return on ? vfio::kIntxIrq : vfio::kErrorIrq;  // the error interrupt stands for none
  }
};

TEST_F(IntxTest, RandomFlipsAreWhatTheModelSays) {
  std::mt19937 random(41);
  StartWithPin();
  Model model;
  for (unsigned i = 0; i < 20000; ++i) {
    switch (random() % 8) {
      case 0:
      case 1:
        model.command = random() & 0x407;
        SetConfig(kCommandAt, Width::k2, model.command);
        break;
      case 2:
        model.command = (model.command & 0xff) | (random() & 0x400);
        SetConfig(kCommandAt + 1, Width::k1, model.command >> 8);
        break;
      case 3:
      case 4:
        model.msi = random() % 2 == 0 ? 0 : 1 | (random() % 4) << 4;
        SetConfig(test::kMsiAt + 2, Width::k2, model.msi);
        break;
      case 5:
      case 6:
        model.msix = random() & 0xc000;
        SetMsixControl(static_cast<uint16_t>(model.msix));
        break;
      default:
        if (random() % 16 != 0) break;
        model = {};
        Reboot();
    }
    const vfio::IrqIndex mode = model.Mode();
    for (const auto index : {vfio::kIntxIrq, vfio::kMsiIrq, vfio::kMsixIrq}) {
      // MSI-X takes a vector without event first.
      if (index == vfio::kMsixIrq && mode == index) continue;
      ASSERT_EQ(fake.trigger(index, 0) != -1, index == mode) << i << " " << index;
    }
    const bool intx = mode == vfio::kIntxIrq;
    ASSERT_EQ(HardwareMasked(), !intx || (model.command & 0x400) != 0) << i;
    ASSERT_EQ(fake_kvm.resamples.size(), intx ? 1u : 0u) << i;
    if (intx) ExpectConnected();
  }
}

}  // namespace
}  // namespace vmm::assigned
