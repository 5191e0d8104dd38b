// A client of a machine's monitor: one command after another, each within a time.
//
// Errors: kNotFound when no machine listens or it ends meanwhile, kTimedOut when it does not
// answer, kDenied when the socket is another user's. What the machine refuses is kNotFound for an
// unknown device, kUnsupported for an unknown command, else kKernel.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <string>
#include <string_view>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "vmm/control/json.h"
#include "vmm/control/json_stream.h"

namespace cli {

using Patience = std::chrono::milliseconds;

class MonitorClient {
 public:
  // Greeting and negotiation. `name` is for messages.
  static base::Result<MonitorClient> Connect(const std::string& name, const std::string& path,
                                             Patience patience);

  // What the command returns.
  base::Result<vmm::control::Json> Execute(std::string_view command,
                                           const vmm::control::Json& arguments = nullptr);
  // One request as it is; its whole reply, an error too.
  base::Result<vmm::control::Json> Send(std::string_view request);
  // Of what is asked from now on.
  void SetPatience(Patience patience) { patience_ = patience; }
  // Until the guest has let go of the device and the host has it back; at most `patience`. With
  // `may_stay` it is kTimedOut too when the machine says that the guest keeps it.
  base::Status WaitForDeparture(std::string_view device, Patience patience, bool may_stay);
  // Until the machine has ended and its devices are free.
  base::Status WaitForEnd();

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  MonitorClient(std::string name, base::Fd fd, Patience patience);
  base::Status Write(std::string_view text, Deadline deadline) const;
  base::Result<vmm::control::Json> Next(Deadline deadline);
  // False at the end of the connection.
  base::Result<bool> Receive(Deadline deadline);
  base::Status WaitFor(short events, Deadline deadline) const;

  std::string name_;
  base::Fd fd_;
  Patience patience_;
  vmm::control::JsonStream stream_;
  std::deque<std::string> objects_;
};

}  // namespace cli
