// A guest's accesses to the configuration space and the trapped registers of an assigned device.
#pragma once

#include <array>

#include "tests/fuzz/guest_machine.h"

namespace test::guest_config {

struct Register {
  uint16_t offset;
  unsigned width;
  const char* rule;
};
// What a guest must never change in the hardware.
constexpr std::array kKept = {
    Register{0x10, 4, "BAR 0 is the host's"},
    Register{0x14, 4, "BAR 1 is the host's"},
    Register{0x18, 4, "BAR 2 is the host's"},
    Register{0x20, 4, "BAR 4 is the host's"},
    Register{0x30, 4, "the ROM's place is the host's"},
    Register{test::kPowerAt + 4, 2, "the power state is the host's"},
    Register{test::kMsiAt + 2, 2, "MSI is switched by VFIO"},
    Register{test::kMsixAt + 2, 2, "MSI-X is switched by VFIO"},
    Register{test::kExpressAt + 0x10, 2, "the link is the host's"},
    Register{0x150 + 8, 2, "SR-IOV is the host's"},
};
constexpr uint32_t kIntxDisable = 0x400;
constexpr uint32_t kIds = 0x10fb8086;

std::array<uint32_t, kKept.size()> Hardware(const test::GuestMachine& machine) {
  std::array<uint32_t, kKept.size()> values{};
  for (size_t i = 0; i < kKept.size(); ++i)
    values[i] = machine.fake.ConfigValue(kKept[i].offset, kKept[i].width);
  return values;
}

// Vendor-specific, or of no structure: behind the last capability of each list.
inline std::vector<std::byte> NobodysBytes(const test::GuestMachine& machine) {
  std::vector<std::byte> bytes = machine.fake.Config(0xc0, 0x40);
  const std::vector<std::byte> extended = machine.fake.Config(0x1a4, 0x1000 - 0x1a4);
  bytes.insert(bytes.end(), extended.begin(), extended.end());
  return bytes;
}

inline void CheckSlots(const test::GuestMachine& machine) {
  uint64_t end = 0;
  std::vector<base::Range> ranges;
  for (const auto& [number, slot] : machine.fake_kvm.slots)
    ranges.push_back({slot.guest_phys_addr, slot.memory_size});
  std::sort(ranges.begin(), ranges.end());
  for (const base::Range& range : ranges) {
    test::Check(range.base >= end, "memory slots do not overlap");
    test::Check(range.base >= test::LayoutWithWindows().ram.front().end(),
                "a BAR leaves RAM alone");
    end = range.end();
  }
}

template <class Input>
void Step(test::GuestMachine& machine, Input& input) {
  const auto offset = input.template ConsumeIntegralInRange<uint16_t>(0, 0x1200);
  const vmm::Width width = test::TakeConfigWidth(input);
  const auto value = input.template ConsumeIntegral<uint32_t>();
  switch (input.template ConsumeIntegralInRange<unsigned>(0, 6)) {
    case 0:
    case 1:
      machine.SetConfig(offset & 0xff, width, value);
      break;
    case 2:
      machine.SetConfig(offset, width, value);
      break;
    case 3:
      test::Check(machine.Config(offset, width) <= vmm::AllOnes(width), "a value fits its width");
      break;
    case 4:
      machine.memory.Write(machine.Bar0() + value % 0x10000, test::TakeWidth(input), offset);
      break;
    case 5:
      machine.memory.Read(machine.Bar0() + value % 0x10000, test::TakeWidth(input));
      break;
    default:
      machine.ports.Write(0xcf8 + (offset & 7), width, value);
      machine.ports.Read(0xcf8 + (offset >> 3 & 7), width);
  }
}

template <class Input>
void Play(Input& input) {
  test::GuestMachine machine;
  const auto policy = input.PickValueInArray({vmm::assigned::ConfigPolicy::kStrict,
                                              vmm::assigned::ConfigPolicy::kStandard,
                                              vmm::assigned::ConfigPolicy::kPermissive});
  machine.Start({.msix_vectors = input.PickValueInArray({1u, 16u, 65u}),
                 .no_resize = input.ConsumeBool(),
                 .msix_mappable = input.ConsumeBool(),
                 .intx = input.ConsumeBool(),
                 .policy = policy});
  const auto before = Hardware(machine);
  const auto nobodys = NobodysBytes(machine);
  while (input.remaining_bytes() > 0) {
    Step(machine, input);
    const auto now = Hardware(machine);
    for (size_t i = 0; i < kKept.size(); ++i) test::Check(now[i] == before[i], kKept[i].rule);
    test::Check(policy != vmm::assigned::ConfigPolicy::kStrict || NobodysBytes(machine) == nobodys,
                "under strict the bytes that nobody knows stay as they are");
    test::Check((machine.fake.ConfigValue(4, 2) & kIntxDisable) != 0 ||
                    machine.fake.trigger(vfio::kIntxIrq, 0) != -1,
                "the pin is off where nothing signals it");
    CheckSlots(machine);
    if (input.template ConsumeProbability<float>() < 0.95f) continue;
    machine.fake.SetConfigValue(0, kIds, 4);  // the kernel lets nobody change them
    machine.Reboot();
  }
}

}  // namespace test::guest_config
