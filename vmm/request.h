// What a guest can ask of the machine around it, as a value.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace vmm {

struct MachineRequest {
  enum class Kind : uint8_t {
    kPowerOff,
    kReset,          // asked for, or a triple fault
    kInternalError,  // KVM cannot run the guest on; the registers are in the text
  };
  Kind kind = Kind::kReset;
  std::string text;  // why, for the log
};

// Called from vCPU threads, sometimes several at once; returns at once and calls nothing of the
// machine (post the request to the event loop).
using RequestHandler = std::function<void(MachineRequest)>;

}  // namespace vmm
