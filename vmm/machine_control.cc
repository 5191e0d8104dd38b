// What the monitor's commands do to the machine.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "sysfs/base/log.h"
#include "vmm/control/pci_view.h"
#include "vmm/machine.h"

namespace vmm {
namespace {

using control::Answer;
using control::Json;
using control::Verb;

Answer<Json> Done(const base::Status& status) {
  if (status) return Json::object();
  return tl::unexpected(control::RefusalOf(status.error()));
}

Json CommandList() {
  Json list = Json::array();
  for (const std::string_view name : control::CommandNames()) list.push_back({{"name", name}});
  return list;
}

std::string Absolute(const std::string& path) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(path, failed);
  return failed ? path : absolute.string();
}

}  // namespace

base::Status Machine::OpenMonitor() {
  std::string path = options_.monitor;
  if (!options_.name.empty()) {
    const std::string folder = TRY(control::RuntimeFolder());
    if (path.empty()) path = control::SocketOf(folder, options_.name);
    TRY(control::CheckSocketPath(path));
    name_.emplace(TRY(control::NameClaim::Take(
        folder, {options_.name, ::getpid(), Absolute(path), control::SecondsSinceBoot(),
                 options_.cpus, options_.memory_bytes})));
  }
  if (path.empty()) return {};
  server_ = TRY(control::Server::Create(
      *loop_, TRY(control::ListeningSocket::Create(path)),
      [this](const control::Command& command) { return Execute(command); }));
  return {};
}

void Machine::Announce(std::string_view event, const Json& data) {
  if (server_) server_->Announce(event, data);
}

// The state is set first: a processor that is late stops nevertheless, and `cont` waits for it.
base::Status Machine::Pause() {
  const bool was_paused = std::exchange(paused_, true);
  TRY(board_->Stop());
  if (!was_paused) Announce("STOP");
  return {};
}

base::Status Machine::Continue() {
  if (!paused_) return {};
  TRY(board_->Stop());
  board_->NotePause();
  TRY(board_->Resume());
  paused_ = false;
  Announce("RESUME");
  return {};
}

// After the reply. A second request before it is done is the same one.
void Machine::AskForReset() {
  loop_->Post([this, generation = generation_.load()] {
    if (generation != generation_) return;
    base::Log(base::Level::kInfo, "vmm: reset (monitor)");
    ResetOrEnd(control::Cause::kSystemReset);
  });
}

Json Machine::PciBuses() {
  std::map<uint8_t, std::string> ids;
  for (const PlannedDevice& device : plan_.devices) {
    ids[static_cast<uint8_t>(device.guest_slot * 8)] = device.id;
  }
  return control::PciList(bridge_->View(), ids);
}

Answer<Json> Machine::Add(const control::DeviceAdd& device) {
  for (const PlannedDevice& there : plan_.devices) {
    if (there.id == device.id || there.host == device.host) {
      return tl::unexpected(control::Refusal{
          "GenericError", device.id + ": the machine has this id or device already"});
    }
  }
  return Done(hot_plug_.add(device));
}

Answer<Json> Machine::Remove(const std::string& id) {
  const bool there = std::any_of(plan_.devices.begin(), plan_.devices.end(),
                                 [&](const PlannedDevice& device) { return device.id == id; });
  if (there) return Done(hot_plug_.remove(id));
  return tl::unexpected(
      control::Refusal{"DeviceNotFound", "the machine has no device with this id"});
}

Answer<Json> Machine::Do(Verb verb) {
  switch (verb) {
    case Verb::kCapabilities:
      break;  // of the session
    case Verb::kQueryVersion:
      return control::Version();
    case Verb::kQueryCommands:
      return CommandList();
    case Verb::kQueryName:
      return options_.name.empty() ? Json::object() : Json({{"name", options_.name}});
    case Verb::kQueryKvm:
      return Json({{"enabled", true}, {"present", true}});
    case Verb::kQueryStatus:
      return Json({{"running", !paused_}, {"status", paused_ ? "paused" : "running"}});
    case Verb::kQueryPci:
      return PciBuses();
    case Verb::kStop:
      return Done(Pause());
    case Verb::kCont:
      return Done(Continue());
    case Verb::kPowerdown:
      board_->power().PowerButton();
      Announce("POWERDOWN");
      break;
    case Verb::kReset:
      AskForReset();
      break;
    case Verb::kQuit:
      End({}, control::Cause::kQuit);
      break;
  }
  return Json::object();
}

Answer<Json> Machine::Execute(const control::Command& command) {
  if (!board_) return tl::unexpected(control::Refusal{"GenericError", "the machine is ending"});
  if (const auto* const add = std::get_if<control::DeviceAdd>(&command)) return Add(*add);
  if (const auto* const remove = std::get_if<control::DeviceDel>(&command)) {
    return Remove(remove->id);
  }
  return Do(std::get<Verb>(command));
}

}  // namespace vmm
