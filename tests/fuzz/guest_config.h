// A guest's accesses to the configuration space and the trapped registers of an assigned device.
#pragma once

#include "tests/fuzz/guest_machine.h"
#include "tests/support/config_model.h"

namespace test::guest_config {

constexpr uint32_t kIntxDisable = 0x400;
constexpr uint32_t kIds = 0x10fb8086;

// The hardware's configuration space beside the model of what a guest may change in it.
class Model {
 public:
  Model(const test::GuestMachine& machine, bool strict) : machine_(machine), strict_(strict) {
    Adopt();
  }
  void Write(uint16_t offset, vmm::Width width, uint32_t value) {
    test::ApplyGuestWrite(kinds_, strict_, offset, static_cast<unsigned>(width), value, hardware_);
  }
  // Byte by byte the hardware is what the model says.
  void Check() {
    const std::vector<std::byte> now = Now();
    test::AdoptCommand(now, hardware_);
    test::Check(now == hardware_, "the hardware's bytes are those of the model");
  }
  // After writes that the model has not seen.
  void CheckKept() {
    const std::vector<std::byte> now = Now();
    test::AdoptCommand(now, hardware_);
    for (size_t at = 0; at < now.size(); ++at) {
      const bool open = kinds_[at] == 'k' || (!strict_ && kinds_[at] != 'o');
      test::Check(open || now[at] == hardware_[at], "what is not the guest's stays as it is");
    }
    hardware_ = now;
  }
  // What is not the monitor's reads as the hardware has it.
  void CheckRead(uint16_t offset, uint32_t value) const {
    if (offset >= hardware_.size() || kinds_[offset] == 'o' || offset == test::kStatusAt) return;
    test::Check(value == std::to_integer<uint32_t>(hardware_[offset]), "a read is the hardware's");
  }
  void Adopt() { hardware_ = Now(); }

 private:
  std::vector<std::byte> Now() const { return machine_.fake.Config(0, sysfs::kExtendedConfigSize); }

  const test::GuestMachine& machine_;
  const bool strict_;
  const test::ConfigKinds kinds_ = test::EndpointConfigKinds(false);
  std::vector<std::byte> hardware_;
};

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
void Step(test::GuestMachine& machine, Model& model, Input& input) {
  const auto offset = input.template ConsumeIntegralInRange<uint16_t>(0, 0x1200);
  const vmm::Width width = test::TakeConfigWidth(input);
  const auto value = input.template ConsumeIntegral<uint32_t>();
  const auto write = [&](uint16_t at) {
    machine.SetConfig(at, width, value);
    model.Write(at, width, value);
  };
  switch (input.template ConsumeIntegralInRange<unsigned>(0, 7)) {
    case 0:
    case 1:
      write(offset & 0xff);
      break;
    case 2:
      write(offset);
      break;
    case 3:
      test::Check(machine.Config(offset, width) <= vmm::AllOnes(width), "a value fits its width");
      break;
    case 4:
      model.CheckRead(offset, machine.Config(offset, vmm::Width::k1));
      break;
    case 5:
      machine.memory.Write(machine.Bar0() + value % 0x10000, test::TakeWidth(input), offset);
      break;
    case 6:
      machine.memory.Read(machine.Bar0() + value % 0x10000, test::TakeWidth(input));
      break;
    default:
      machine.ports.Write(0xcf8 + (offset & 7), width, value);
      machine.ports.Read(0xcf8 + (offset >> 3 & 7), width);
      model.CheckKept();
  }
  model.Check();
}

class Game {
 public:
  template <class Input>
  void Play(Input& input) {
    const auto policy = input.PickValueInArray({vmm::assigned::ConfigPolicy::kStrict,
                                                vmm::assigned::ConfigPolicy::kStandard,
                                                vmm::assigned::ConfigPolicy::kPermissive});
    test::GuestMachine& machine =
        machines_.Boot({.msix_vectors = input.PickValueInArray({1u, 16u, 65u}),
                        .no_resize = input.ConsumeBool(),
                        .msix_mappable = input.ConsumeBool(),
                        .intx = input.ConsumeBool(),
                        .policy = policy});
    Model model(machine, policy == vmm::assigned::ConfigPolicy::kStrict);
    while (input.remaining_bytes() > 0) {
      Step(machine, model, input);
      test::Check((machine.fake.ConfigValue(test::kCommandAt, 2) & kIntxDisable) != 0 ||
                      machine.fake.trigger(vfio::kIntxIrq, 0) != -1,
                  "the pin is off where nothing signals it");
      CheckSlots(machine);
      if (input.template ConsumeProbability<float>() < 0.95f) continue;
      machine.fake.SetConfigValue(0, kIds, 4);  // the kernel lets nobody change them
      machine.Reboot();
      model.Adopt();
    }
  }

 private:
  test::Machines machines_;
};

}  // namespace test::guest_config
