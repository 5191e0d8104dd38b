// A guest's accesses to the MSI-X table: what is set up in the kernel is what a plain table wants.
#pragma once

#include <algorithm>

#include "tests/fuzz/guest_machine.h"
#include "vmm/pci/msi.h"
#include "vmm/pci/msix.h"

namespace test::guest_msix {

inline bool HasRoute(const test::FakeKvm& kvm, const vmm::kvm::MsiMessage& message) {
  return std::any_of(kvm.routes.begin(), kvm.routes.end(), [&](const kvm_irq_routing_entry& one) {
    return one.type == KVM_IRQ_ROUTING_MSI && one.u.msi.data == message.data &&
           one.u.msi.address_lo == static_cast<uint32_t>(message.address) &&
           one.u.msi.address_hi == message.address >> 32;
  });
}

inline void CheckInterrupts(const test::GuestMachine& machine, const vmm::pci::Msix& table) {
  size_t live = 0;
  for (unsigned v = 0; v < table.vectors(); ++v) {
    if (!table.Live(v) || !vmm::pci::IsRoutable(table.Message(v))) continue;
    ++live;
    test::Check(machine.fake.trigger(vfio::kMsixIrq, v) >= 0, "a live vector is armed");
    test::Check(HasRoute(machine.fake_kvm, table.Message(v)), "a live vector has its route");
  }
  test::Check(machine.fake_kvm.irqfds.size() == live, "live vectors are connected, no others");
}

// The same access to the machine and to the table that it should behave like.
template <class Input>
void Access(test::GuestMachine& machine, vmm::pci::Msix& table, uint64_t bar, Input& input) {
  const uint64_t length = table.table_bytes();
  const auto offset = input.template ConsumeIntegralInRange<uint64_t>(0, length - 1);
  const vmm::Width width = test::TakeWidth(input);
  const uint64_t at = bar + test::kTableAt + offset;
  if (offset + static_cast<unsigned>(width) > length) {
    machine.memory.Read(at, width);
  } else if (input.ConsumeBool()) {
    test::Check(machine.memory.Read(at, width) == table.ReadTable(offset, width),
                "the table reads as written");
  } else {
    const auto value = input.template ConsumeIntegral<uint64_t>();
    machine.memory.Write(at, width, value);
    table.WriteTable(offset, width, value);
  }
}

// As a driver does it, so that many inputs have live vectors.
template <class Input>
void Unmask(test::GuestMachine& machine, vmm::pci::Msix& table, uint64_t bar, Input& input) {
  const auto entry = input.template ConsumeIntegralInRange<uint64_t>(0, table.vectors() - 1) * 16;
  const uint64_t address =
      0xfee00000 | (input.template ConsumeIntegral<uint64_t>() & 0xffff0000'000ffffc);
  const uint64_t data = input.template ConsumeIntegral<uint16_t>();
  for (const auto& [offset, value] : {std::pair(entry, address), std::pair(entry + 8, data)}) {
    machine.memory.Write(bar + test::kTableAt + offset, vmm::Width::k8, value);
    table.WriteTable(offset, vmm::Width::k8, value);
  }
}

class Game {
 public:
  template <class Input>
  void Play(Input& input) {
    const auto vectors = input.PickValueInArray({1u, 3u, 16u, 65u});
    test::GuestMachine& machine =
        machines_.Boot({.msix_vectors = vectors, .no_resize = input.ConsumeBool()});
    vmm::pci::Msix table(vectors);
    machine.EnableMemory();
    uint64_t bar = machine.Bar0();
    while (input.remaining_bytes() > 0) {
      switch (input.template ConsumeIntegralInRange<unsigned>(0, 7)) {
        case 0:
        case 1:
        case 2:
          Access(machine, table, bar, input);
          break;
        case 3:
        case 4:
          Unmask(machine, table, bar, input);
          break;
        case 5:
          machine.memory.Read(
              bar + test::kPendingAt + input.template ConsumeIntegralInRange<uint64_t>(0, 16),
              test::TakeWidth(input));
          break;
        case 6: {
          const auto control = input.template ConsumeIntegral<uint16_t>();
          machine.SetMsixControl(control);
          table.SetControl(control);
          break;
        }
        default:
          if (input.template ConsumeProbability<float>() < 0.97f) break;
          machine.Reboot();
          table.Reset();
          machine.EnableMemory();
          bar = machine.Bar0();
      }
      CheckInterrupts(machine, table);
    }
  }

 private:
  test::Machines machines_;
};

}  // namespace test::guest_msix
