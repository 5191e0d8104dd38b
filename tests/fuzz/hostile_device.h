// A device that lies in its configuration space: what is planned for it holds whatever a guest
// does.
#pragma once

#include "sysfs/pci_registers.h"
#include "tests/fuzz/guest_machine.h"
#include "vmm/assigned/capabilities.h"

namespace test::hostile_device {

// The endpoint of the unit tests with bytes of the input over it, or nothing but the input.
template <class Input>
void MakeDevice(test::FakeVfioDevice& fake, Input& input) {
  test::MakeEndpoint(fake, {.msix_vectors = input.ConsumeIntegralInRange(1u, 70u)});
  std::vector<std::byte> config = fake.Config(0, 4096);
  test::Damage(config, input.ConsumeBool() ? 0x100 : 0x200, input);
  if (input.ConsumeBool()) config = test::TakeBytes(input, 512);
  fake.SetConfigBytes(0, config);
  if (input.ConsumeBool()) fake.SetConfigSize(256);
  for (uint32_t bar = 0; bar < 6; ++bar) {
    if (input.ConsumeBool()) continue;
    const auto size =
        input.template PickValueInArray<uint64_t>({0, 1, 16, 100, 0x1000, 0x3000, 0x8000});
    fake.AddRegion(bar, size, input.ConsumeBool() ? test::kReadWriteMap : test::kReadWrite);
  }
}

inline void CheckPlan(const vmm::assigned::AssignedDevice& device) {
  const auto& plan = device.plan();
  if (!plan.msix) return;
  for (const vmm::pci::BarInfo& bar : device.bars()) {
    if (bar.index == plan.msix->table_bar)
      test::Check(plan.msix->table_offset + 16ull * plan.msix->vectors <= bar.size,
                  "the table is inside its BAR");
  }
}

// Both lists of the guest are finite and hold nothing that is hidden.
inline void CheckLists(test::GuestMachine& machine) {
  namespace layout = sysfs::registers::capability;
  std::vector<std::byte> config(sysfs::kConfigSize);
  for (unsigned at = 0; at < config.size(); at += 4)
    base::StoreLe<uint32_t>(config, at, machine.Config(at));
  for (const sysfs::Capability& one : sysfs::ListCapabilities(config)) {
    const auto id = static_cast<sysfs::CapabilityId>(one.id);
    test::Check(!vmm::assigned::IsHidden(id), "a hidden capability stays hidden");
  }
  constexpr unsigned kMost = (sysfs::kExtendedConfigSize - sysfs::kConfigSize) / 8;
  unsigned steps = 0;
  for (unsigned at = sysfs::kConfigSize; at >= sysfs::kConfigSize;) {
    const uint32_t header = machine.Config(at);
    if (header == 0 || header == ~0u) break;
    const auto id = static_cast<sysfs::ExtendedId>(layout::ExtendedIdField::Get(header));
    test::Check(!vmm::assigned::IsHidden(id), "a hidden extended capability stays hidden");
    test::Check(++steps <= kMost, "the list of extended capabilities ends");
    at = layout::ExtendedNext::Get(header) & layout::kExtendedPointerMask;
  }
}

template <class Input>
void Step(test::GuestMachine& machine, Input& input) {
  const auto offset = input.template ConsumeIntegralInRange<uint16_t>(0, 0x1000);
  const vmm::Width width = test::TakeConfigWidth(input);
  switch (input.template ConsumeIntegralInRange<unsigned>(0, 3)) {
    case 0:
      machine.SetConfig(offset & 0xff, width, input.template ConsumeIntegral<uint32_t>());
      break;
    case 1:
      machine.Config(offset, width);
      break;
    case 2:
      machine.memory.Write(machine.Bar0() + offset, test::TakeWidth(input), 0xfee00000);
      break;
    default:
      machine.memory.Read(machine.Bar0() + offset, test::TakeWidth(input));
  }
}

template <class Input>
void Play(Input& input) {
  test::GuestMachine machine;
  MakeDevice(machine.fake, input);
  auto opened = machine.fake.Open(machine.kernel);
  if (!opened) return;
  auto device = vmm::assigned::AssignedDevice::Create(std::move(*opened));
  if (!device) return;
  CheckPlan(**device);
  machine.device = *device;
  machine.bridge = vmm::pci::HostBridge::Create(test::LayoutWithWindows(), nullptr);
  test::Check(machine.bridge->Add(test::GuestMachine::kDevfn, *device).has_value(), "a free slot");
  machine.vm = std::move(*vmm::kvm::Vm::Create(machine.fake_kvm));
  if (!machine.bridge->Connect({&machine.ports, &machine.memory, machine.vm.get()}, *machine.vm))
    return;
  CheckLists(machine);
  while (input.remaining_bytes() > 0) Step(machine, input);
}

}  // namespace test::hostile_device
