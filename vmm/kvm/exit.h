// Why a virtual processor came back to user space (KVM_EXIT_*, Documentation/virt/kvm/api.rst 5).
//
// Spans point into the area that KVM shares with us: they are valid until the next Run, which also
// completes a read by taking the bytes from there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace vmm::kvm {

// IN, OUT, INS or OUTS: `count` transfers of `width` bytes one after another in `data`.
struct PortExit {
  uint16_t port = 0;
  uint8_t width = 1;  // 1, 2 or 4
  uint32_t count = 1;
  bool input = false;
  std::span<std::byte> data;
};

struct MemoryExit {
  uint64_t address = 0;
  bool write = false;
  std::span<std::byte> data;  // 1 to 8 bytes
};

struct HaltExit {};         // only without the in-kernel interrupt controller
struct TripleFaultExit {};  // KVM_EXIT_SHUTDOWN
struct InterruptedExit {};  // a signal or RequestExit

struct SystemEventExit {
  uint32_t type = 0;  // KVM_SYSTEM_EVENT_*
};

// The processor cannot go on: an instruction that KVM cannot emulate, a state that the hardware
// refuses, or a failed KVM_RUN.
struct FatalExit {
  std::string text;
};

using Exit = std::variant<InterruptedExit, PortExit, MemoryExit, HaltExit, TripleFaultExit,
                          SystemEventExit, FatalExit>;
inline constexpr size_t kExitKinds = std::variant_size_v<Exit>;
// By Exit::index().
inline constexpr std::array<std::string_view, kExitKinds> kExitNames = {
    "interrupted", "port", "memory", "halt", "triple-fault", "system-event", "fatal"};

}  // namespace vmm::kvm
