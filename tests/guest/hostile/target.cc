#include "tests/guest/hostile/target.h"

#include "sysfs/pci_registers.h"
#include "tests/guest/hostile/values.h"
#include "tests/guest/machine.h"

namespace guest::hostile {
namespace {

namespace header = sysfs::registers::header;
namespace reg = virtio_register;

constexpr uint64_t kMapped = uint64_t{2} << 20;
constexpr uint32_t kReady = 0x406;  // memory, bus mastering, no pin

std::optional<Function> PortAbove(Function function) {
  return FindFunction([&](Function one) {
    return (ReadConfig(one, header::kType, 1) & 0x7f) == 1 &&
           ReadConfig(one, sysfs::registers::bridge::kSecondaryBus, 1) == function.bus;
  });
}

uint64_t Offered(uint64_t common) {
  uint64_t offered = 0;
  for (unsigned word = 0; word < 2; ++word) {
    Store<uint32_t>(common + reg::kDeviceSelect, word);
    offered |= uint64_t{Load<uint32_t>(common + reg::kDeviceFeature)} << (32 * word);
  }
  return offered;
}

}  // namespace

bool Look(Target& target, Function function, unsigned number, uint64_t ram_end) {
  target = {};
  target.function = function;
  target.type = static_cast<uint16_t>(ReadConfig(function, 2, 2) - kFirstVirtioDevice);
  target.bar = target.now = BarAddress(function, 0);
  if (target.bar == 0 || !MapPhysical(target.bar, kMapped)) return false;
  target.port = PortAbove(function);
  target.places = FindVirtioPlaces(function);
  target.msix = FindCapability(function, 0x11);
  target.power = FindCapability(function, 0x01);
  target.memory = kFirstMemory + kMemoryBytes * number;
  target.ram_end = ram_end;
  Settle(target);
  const uint64_t common = target.places.common;
  target.offered = Offered(common);
  const uint16_t queues = Load<uint16_t>(common + reg::kQueueCount);
  target.queues = queues < kMostQueues ? queues : kMostQueues;
  target.vectors = 1;
  if (target.msix != 0) {
    const auto at = [&](unsigned offset) { return static_cast<uint16_t>(target.msix + offset); };
    target.vectors = static_cast<uint16_t>((ReadConfig(function, at(2), 2) & 0x7ff) + 1);
    target.table = ReadConfig(function, at(4), 4) & ~7u;
  }
  for (unsigned queue = 0; queue < kMostQueues; ++queue) {
    target.rings[queue] = {OwnPlace(target, queue, Area::kDescriptors),
                           OwnPlace(target, queue, Area::kAvailable),
                           OwnPlace(target, queue, Area::kUsed), 8, 0};
  }
  return target.places.complete() && target.queues != 0;
}

void MoveBar(Target& target, uint64_t address) {
  WriteConfig(target.function, header::kBar0, 4, static_cast<uint32_t>(address));
  WriteConfig(target.function, header::kBar0 + 4, 4, static_cast<uint32_t>(address >> 32));
  // Elsewhere nothing is mapped here.
  if (address < target.bar || address - target.bar >= kMapped / 2) return;
  const uint64_t by = address - target.now;
  for (uint64_t* const place : {&target.places.common, &target.places.notify, &target.places.isr,
                                &target.places.config, &target.now}) {
    *place += by;
  }
}

void Settle(Target& target) {
  WriteConfig(target.function, header::kCommand, 2, 0);
  MoveBar(target, target.bar);
  if (target.power != 0)
    WriteConfig(target.function, static_cast<uint16_t>(target.power + 4), 2, 0);
  if (target.msix != 0) WriteConfig(target.function, static_cast<uint16_t>(target.msix + 2), 2, 0);
  WriteConfig(target.function, header::kCommand, 2, kReady);
}

}  // namespace guest::hostile
