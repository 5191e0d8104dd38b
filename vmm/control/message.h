// What the monitor says: greeting, replies and events, each one line of text with its end (QMP
// specification, 2.2, 2.4 and 2.5).
//
// All pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/control/command.h"
#include "vmm/control/json.h"

namespace vmm::control {

// What query-version returns. Clients look for the member "qemu"; the numbers are this program's,
// which "package" says.
Json Version();

std::string Greeting();
std::string ReplyText(const std::optional<Json>& id, const Answer<Json>& answer);
// `data` is null for an event without any; `time` is of the system clock.
std::string EventText(std::string_view name, const Json& data,
                      std::chrono::system_clock::time_point time);

// Why a machine ends or resets, with QEMU's words (ShutdownCause).
enum class Cause : uint8_t {
  kGuestShutdown,
  kGuestReset,
  kQuit,         // host-qmp-quit
  kSystemReset,  // host-qmp-system-reset
  kSignal,       // host-signal
  kUser,         // host-ui: on the console
  kError,        // host-error
};
// Data of SHUTDOWN and RESET.
Json CauseData(Cause cause);
// Data of an event that is about a device.
Json DeviceData(const std::string& id);
// Data of DEVICE_DELETED; ours: `forced`, it was taken from the guest.
Json DeviceDeletedData(const std::string& id, bool forced);

}  // namespace vmm::control
