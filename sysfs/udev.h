// Device events, through libudev: as udev announces them, after its rules have run and device nodes
// have their owners, or as the kernel does.
//
// Open the monitor before the change whose event is awaited. Used by one thread at a time. Where no
// udevd runs there are no events of its own, so that a wait asks the kernel's state first.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"

namespace sysfs {

struct DeviceEvent {
  std::string action;                 // add, remove, bind, unbind, change, ...
  std::string subsystem;              // pci, vfio, vfio-dev
  std::string name;                   // 0000:08:00.0, 14, vfio3
  std::string node;                   // /dev/vfio/14; empty without one
  std::optional<PciAddress> address;  // of a pci event
};

enum class EventSource : uint8_t { kUdev, kKernel };

class Monitor {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  static base::Result<Monitor> Open(const std::vector<std::string>& subsystems = {"pci"},
                                    EventSource source = EventSource::kUdev);
  Monitor(Monitor&&) noexcept;
  Monitor& operator=(Monitor&&) noexcept;
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  ~Monitor();

  // Readable when an event waits; owned by the monitor.
  int fd() const;
  // The next event; nothing when none waits.
  std::optional<DeviceEvent> Next();
  // The first event that satisfies the predicate; kTimedOut at the deadline.
  base::Result<DeviceEvent> WaitFor(const std::function<bool(const DeviceEvent&)>& predicate,
                                    Deadline deadline);
  // Until `holds` is true: asked at once, after each event, and every tenth of a second, so that
  // it ends without udevd too. kTimedOut at the deadline.
  base::Status WaitUntil(const std::function<bool()>& holds, Deadline deadline);

 private:
  struct Handles;  // libudev's
  explicit Monitor(std::unique_ptr<Handles> handles);
  // Whether an event arrived before the deadline.
  base::Result<bool> Poll(Deadline deadline) const;

  std::unique_ptr<Handles> handles_;
};

// Until udev has processed every event that it knows of: while it looks at a new disk it has it
// open like any user. At most `limit`; whether it is idle. At once where no udevd runs.
bool AwaitUdevIdle(std::chrono::milliseconds limit);

}  // namespace sysfs
