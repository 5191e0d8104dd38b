#include "vmm/dispatch.h"

#include <bit>
#include <cstring>

namespace vmm {
namespace {

void Transfer(const Bus& bus, uint64_t address, bool write, std::span<std::byte> data) {
  const auto width = static_cast<Width>(data.size());
  uint64_t value = 0;
  if (write) {
    std::memcpy(&value, data.data(), data.size());
    bus.Write(address, width, value);
  } else {
    value = bus.Read(address, width);
    std::memcpy(data.data(), &value, data.size());
  }
}

}  // namespace

void Dispatch(const kvm::PortExit& exit, const Bus& ports) {
  if (exit.width != 1 && exit.width != 2 && exit.width != 4) return;
  for (size_t at = 0; at + exit.width <= exit.data.size(); at += exit.width) {
    Transfer(ports, exit.port, !exit.input, exit.data.subspan(at, exit.width));
  }
}

void Dispatch(const kvm::MemoryExit& exit, const Bus& memory) {
  uint64_t address = exit.address;
  for (std::span<std::byte> left = exit.data; !left.empty();) {
    const size_t size = std::min<size_t>(std::bit_floor(left.size()), 8);
    Transfer(memory, address, exit.write, left.first(size));
    address += size;
    left = left.subspan(size);
  }
}

}  // namespace vmm
