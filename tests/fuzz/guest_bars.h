// BAR games: a guest moves, sizes and switches BARs in any order, over each other and over RAM,
// configuration space and interrupt controllers. What it can reach afterwards is compared with what
// its registers say, read anew by rules that are written down here.
#pragma once

#include <optional>

#include "tests/fuzz/guest_machine.h"
#include "vmm/pci/bars.h"

namespace test::guest_bars {

constexpr std::array<uint64_t, 16> kPlaces = {
    0,          0xffffffff, 0x100000,   0xb0000000, 0xc0000000, 0xc0000100, 0xc0000200, 0xc0001000,
    0xc0004000, 0xc0010000, 0xfec00000, 0xfee00000, 0xfebff000, 0xfffff000, 0xc000,     0xcf8};

// The first byte of each region names it.
inline std::byte Tag(unsigned bar) { return static_cast<std::byte>(0x10 + bar); }

inline void MakeDevice(FakeVfioDevice& fake, const EndpointOptions& options) {
  MakeEndpoint(fake, options);
  fake.SetConfigValue(0x20, 0xfc000000, 4);
  fake.SetConfigValue(0x24, 0xd001, 4);
  fake.AddRegion(2, 0x4000, kReadWriteMap);
  fake.AddRegion(3, 256, kReadWriteMap);  // smaller than a page: alone in it, or not
  fake.AddRegion(4, 512, kReadWriteMap);
  fake.AddRegion(5, 32, kReadWrite);
  fake.AddRegion(vfio::kRomRegion, 0x1000, kReadOnly);
  for (const unsigned bar : {0u, 2u, 3u, 4u, 5u, 6u}) {
    fake.SetRegionBytes(bar, 0, std::vector{Tag(bar)});
  }
}

// Where a BAR decodes, from what the guest reads.
inline std::optional<base::Range> Decoded(GuestMachine& machine, const vmm::pci::BarInfo& bar) {
  const bool io = bar.kind == vmm::pci::BarKind::kIo;
  const bool wide = bar.kind == vmm::pci::BarKind::kMemory64;
  const bool rom = bar.index == vmm::pci::kRomBar;
  if ((machine.Config(4, vmm::Width::k2) & (io ? 1 : 2)) == 0) return std::nullopt;
  const uint32_t low = machine.Config(rom ? 0x30 : 0x10 + 4 * bar.index);
  const uint64_t high = wide ? machine.Config(0x14 + 4 * bar.index) : 0;
  if (rom && (low & 1) == 0) return std::nullopt;
  const uint32_t flags = rom ? 0x7ff : io ? 3 : 0xf;
  const uint64_t address = high << 32 | (low & ~flags);
  const auto ones = static_cast<uint32_t>(0 - bar.size) & ~flags;
  const bool sizing = wide ? high == 0xffffffff : (low & ~flags) == ones;
  if (address == 0 || sizing || address + bar.size < address) return std::nullopt;
  return base::Range{address, bar.size};
}

// May it be there at all: inside a window, clear of what is the machine's.
inline bool MayBe(const base::Range& range, bool io) {
  if (io) return base::Range{0x1000, 0xf000}.Contains(range);
  const vmm::Layout layout = LayoutWithWindows();
  if (!layout.mmio32.Contains(range) && !layout.mmio64.Contains(range)) return false;
  bool clear = !layout.ecam.Overlaps(range) && !range.Overlaps({0xfec00000, 0x1000}) &&
               !range.Overlaps({0xfee00000, 0x100000});
  for (const base::Range& ram : layout.ram) clear &= !ram.Overlaps(range);
  return clear;
}

// What a guest reads at an address.
inline std::byte GuestByte(GuestMachine& machine, uint64_t address, bool io) {
  if (io) return static_cast<std::byte>(machine.ports.Read(address, vmm::Width::k1));
  for (const auto& [number, slot] : machine.fake_kvm.slots) {
    if (!base::Range{slot.guest_phys_addr, slot.memory_size}.Contains(address)) continue;
    return *reinterpret_cast<std::byte*>(slot.userspace_addr + address - slot.guest_phys_addr);
  }
  return static_cast<std::byte>(machine.memory.Read(address, vmm::Width::k1));
}

inline bool Overlap(const base::Range& a, bool a_io, const base::Range& b, bool b_io) {
  return a_io == b_io && a.Overlaps(b);
}

inline void CheckSlots(GuestMachine& machine) {
  std::vector<base::Range> slots;
  for (const auto& [number, slot] : machine.fake_kvm.slots) {
    slots.push_back({slot.guest_phys_addr, slot.memory_size});
    Check(MayBe(slots.back(), false), "a slot is where a BAR may be");
  }
  std::sort(slots.begin(), slots.end());
  for (size_t i = 1; i < slots.size(); ++i) {
    Check(slots[i - 1].end() <= slots[i].base, "memory slots do not overlap");
  }
}

// How many can be reached. Those that are reached are decoded and apart; each other one that may be
// there is in the way of one that is.
inline size_t CheckMap(GuestMachine& machine) {
  struct Seen {
    base::Range range;
    bool io;
    bool active;
  };
  std::vector<Seen> all;
  size_t active_ones = 0;
  for (const vmm::pci::BarInfo& bar : machine.device->bars()) {
    const auto range = Decoded(machine, bar);
    if (!range) continue;
    const bool io = bar.kind == vmm::pci::BarKind::kIo;
    const bool may = MayBe(*range, io);
    const bool active = may && GuestByte(machine, range->base, io) == Tag(bar.index);
    if (may) all.push_back({*range, io, active});
    active_ones += active ? 1 : 0;
  }
  for (const Seen& one : all) {
    size_t in_the_way = 0;
    for (const Seen& other : all) {
      if (&one == &other || !other.active) continue;
      in_the_way += Overlap(one.range, one.io, other.range, other.io) ? 1 : 0;
    }
    Check(!one.active || in_the_way == 0, "active BARs are apart");
    Check(one.active || in_the_way != 0, "a BAR with nothing in its way is active");
  }
  // One slot each, but for the wide one with the pages of its MSI-X registers left out.
  Check(machine.fake_kvm.slots.size() <= active_ones + 2, "no slot of a BAR that is not active");
  CheckSlots(machine);
  return active_ones;
}

template <class Input>
void Step(GuestMachine& machine, Input& input) {
  const auto pick = input.template ConsumeIntegralInRange<unsigned>(0, 15);
  const uint32_t value = input.ConsumeBool() ? static_cast<uint32_t>(kPlaces[pick])
                                             : input.template ConsumeIntegral<uint32_t>();
  const auto bar = input.template ConsumeIntegralInRange<unsigned>(0, 6);
  const unsigned at = bar == 6 ? 0x30 : 0x10 + 4 * bar;
  switch (input.template ConsumeIntegralInRange<unsigned>(0, 9)) {
    case 0:
      machine.SetConfig(4, vmm::Width::k2, value & 7);
      break;
    case 1:
      machine.SetConfig(4, vmm::Width::k1, 7);
      break;
    case 2:
      machine.SetConfig(at + (value >> 8 & 3), TakeConfigWidth(input), value);
      break;
    case 3:  // the high half of the wide one
      machine.SetConfig(0x14, vmm::Width::k4, value & 0x1f);
      break;
    case 4:
      machine.SetConfig(at, vmm::Width::k4, ~0u);
      break;
    case 5:
      machine.SetConfig(0x30, vmm::Width::k4, (0xc0000000 | pick << 12) | 1);
      break;
    case 6:
      machine.SetConfig(kExpressAt + 8, vmm::Width::k2, value == 0 ? 0x8000 : 0);
      break;
    default:
      machine.SetConfig(at, vmm::Width::k4, 0xc0000000 | pick << (value & 1 ? 8 : 14));
  }
}

class Game {
 public:
  // How often a BAR was found that can be reached.
  template <class Input>
  size_t Play(Input& input) {
    size_t found = 0;
    GuestMachine& machine = machines_.Boot();
    while (input.remaining_bytes() > 0) {
      Step(machine, input);
      found += CheckMap(machine);
      if (input.template ConsumeProbability<float>() > 0.999f) machine.Reboot();
    }
    return found;
  }

 private:
  Machines machines_{MakeDevice};
};

}  // namespace test::guest_bars
