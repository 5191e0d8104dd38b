// Puts the table of allowed calls before the calling thread, for as long as it lives and for the
// threads that it starts (seccomp(2), Documentation/userspace-api/seccomp_filter.rst; libseccomp
// makes the program).
//
// A call that is not in the table ends the process with a line that names thread and call
// (SIGABRT), so that it can be reported; with kLog it is made, and the kernel's log tells it.
#pragma once

#include <cstdint>

#include "sysfs/base/result.h"
#include "vmm/confinement/allowed_calls.h"

namespace vmm::confinement {

enum class Mode : uint8_t { kOff, kLog, kOn };

// For the threads of this process from now on; kOff at start. Before any of them starts.
void SetMode(Mode mode);

// For the calling thread; nothing with kOff. There is no way back.
base::Status Confine(ThreadKind kind);

}  // namespace vmm::confinement
