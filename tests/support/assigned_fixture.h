// A guest's view of the fake endpoint: an assigned device at 00:01.0 on a host bridge, over a fake
// VFIO device and a fake KVM.
#pragma once

#include <gmock/gmock.h>

#include <memory>

#include "tests/support/fake_endpoint.h"
#include "tests/support/fake_function.h"
#include "tests/support/fake_kvm.h"
#include "tests/support/matchers.h"
#include "vmm/assigned/device.h"
#include "vmm/pci/host_bridge.h"

namespace test {

class AssignedFixture : public testing::Test {
 protected:
  static constexpr uint8_t kDevfn = 8;
  static constexpr uint16_t kCommandAt = 4;

  // Opens the device and starts a machine with it.
  void Start(const EndpointOptions& options = {}) {
    MakeEndpoint(fake, options);
    Open(options.policy);
    Boot();
  }
  void Open(vmm::assigned::ConfigPolicy policy = vmm::assigned::ConfigPolicy::kStandard) {
    vmm::assigned::DeviceOptions place;
    place.config = policy;
    auto opened =
        vmm::assigned::AssignedDevice::Create(std::move(*fake.Open(kernel)), std::move(place));
    ASSERT_THAT(opened, IsOk());
    device = std::move(*opened);
    bridge = vmm::pci::HostBridge::Create(LayoutWithWindows(), nullptr);
    ASSERT_THAT(bridge->Add(kDevfn, device), IsOk());
  }
  void Boot() {
    vm = std::move(*vmm::kvm::Vm::Create(fake_kvm));
    ASSERT_THAT(bridge->Connect({&ports, &memory, vm.get()}, *vm), IsOk());
  }
  void Reboot() {
    bridge->Disconnect();
    ASSERT_THAT(device->Reset(), IsOk());
    vm.reset();
    Boot();
  }

  uint32_t Config(unsigned offset, vmm::Width width = vmm::Width::k4) {
    return bridge->ReadConfig(0, kDevfn, static_cast<uint16_t>(offset), width);
  }
  void SetConfig(unsigned offset, vmm::Width width, uint32_t value) {
    bridge->WriteConfig(0, kDevfn, static_cast<uint16_t>(offset), width, value);
  }
  void EnableMemory() { SetConfig(kCommandAt, vmm::Width::k2, 6); }
  // Where BAR 0 is now.
  uint64_t Bar0() { return (Config(0x10) & ~0xfull) | uint64_t{Config(0x14)} << 32; }

  uint64_t Table(unsigned vector, unsigned offset, vmm::Width width = vmm::Width::k4) {
    return memory.Read(Bar0() + kTableAt + uint64_t{16} * vector + offset, width);
  }
  void SetTable(unsigned vector, unsigned offset, uint64_t value,
                vmm::Width width = vmm::Width::k4) {
    memory.Write(table_base + uint64_t{16} * vector + offset, width, value);
  }
  // As Linux does it: message, then unmask.
  void SetVector(unsigned vector, uint32_t data, bool masked = false) {
    table_base = Bar0() + kTableAt;
    SetTable(vector, 0, 0xfee01000);
    SetTable(vector, 4, 0);
    SetTable(vector, 8, data);
    SetTable(vector, 12, masked ? 1 : 0);
  }
  void SetMsixControl(uint16_t control) { SetConfig(kMsixAt + 2, vmm::Width::k2, control); }

  unsigned KvmCalls(std::string_view name) const {
    unsigned count = 0;
    for (const std::string& call : fake_kvm.calls()) count += call == name ? 1 : 0;
    return count;
  }

  ScriptedKernel kernel;
  FakeVfioDevice fake;
  FakeKvm fake_kvm;
  vmm::Bus ports, memory;
  std::unique_ptr<vmm::kvm::Vm> vm;
  std::shared_ptr<vmm::assigned::AssignedDevice> device;
  std::shared_ptr<vmm::pci::HostBridge> bridge;
  uint64_t table_base = 0;

  AssignedFixture() = default;
  AssignedFixture(const AssignedFixture&) = delete;
  AssignedFixture& operator=(const AssignedFixture&) = delete;
  ~AssignedFixture() override {
    if (bridge) bridge->Disconnect();
  }
};

}  // namespace test
