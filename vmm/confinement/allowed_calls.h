// Which system calls a thread of the monitor may make (seccomp(2)), as a table. Pure.
//
// A guest that takes over a processor's thread finds no way to open, connect, execute or start
// anything there; the main thread, which serves hot-plug and the monitor, may not execute or trace
// either. Executable memory cannot be made by any. The calls are those of x86-64 as glibc 2.36
// makes them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace vmm::confinement {

enum class ThreadKind : uint8_t {
  kVcpu,         // runs the guest and its accesses to devices
  kInterrupts,   // carries interrupts whose routes are gathered
  kDevices,      // works for emulated devices: their files and events
  kOpener,       // opens an assigned device while the machine starts
  kMain,         // event loop, monitor, hot-plug, reboot, the end
  kManagedMain,  // the same; gives devices back to the host's drivers afterwards
};

// Holds when (argument & mask) == value.
struct ArgumentRule {
  unsigned index = 0;  // 0 to 5
  uint64_t mask = 0;
  uint64_t value = 0;
};

enum class Action : uint8_t {
  kAllow,
  kNoSuchCall,  // ENOSYS: glibc then uses an older call, whose arguments can be looked at
};

// A call may have several rules: one has to hold. In one rule all arguments have to.
struct CallRule {
  std::string_view name;
  std::vector<ArgumentRule> arguments = {};
  Action action = Action::kAllow;
};

// `pid` is this process, the only one that may be signalled.
std::vector<CallRule> AllowedCalls(ThreadKind kind, int pid);

std::string_view Name(ThreadKind kind);

}  // namespace vmm::confinement
