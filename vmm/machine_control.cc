// What the monitor's commands do to the machine.
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "sysfs/base/log.h"
#include "sysfs/base/text.h"
#include "vmm/control/block_view.h"
#include "vmm/control/pci_view.h"
#include "vmm/machine.h"

namespace vmm {
namespace {

using control::Answer;
using control::Json;
using control::Verb;

Answer<Json> Done(const base::Status& status) {
  if (status) return Json::object();
  control::Refusal refusal = control::RefusalOf(status.error());
  if (status.error().code() == base::Code::kNotFound) refusal.error_class = "DeviceNotFound";
  return tl::unexpected(std::move(refusal));
}

Answer<Json> DoneWithBalloon(const base::Status& status) {
  if (status) return Json::object();
  control::Refusal refusal = control::RefusalOf(status.error());
  if (status.error().code() == base::Code::kNotFound) refusal.error_class = "DeviceNotActive";
  return tl::unexpected(std::move(refusal));
}

Json CommandList() {
  Json list = Json::array();
  for (const std::string_view name : control::CommandNames()) list.push_back({{"name", name}});
  return list;
}

// A port is named as the guest's bus behind it is numbered at the start: port1, port2. Nothing for
// no name.
base::Result<std::optional<uint8_t>> PortNumber(const std::string& bus) {
  if (bus.empty()) return std::nullopt;
  const bool is_port = bus.starts_with("port");
  const auto number = base::ParseDecimal(std::string_view(bus).substr(is_port ? 4 : 0), 255);
  if (is_port && number) return static_cast<uint8_t>(*number);
  return base::Fail(base::Code::kUsage, bus + ": not a port of this machine",
                    "port1, port2, ...; any free one without bus");
}

// What query-pci says of a device beyond QEMU's members, by id.
std::map<std::string, Json> OwnMembers(const Options& options, const GuestDevices& devices) {
  std::map<std::string, Json> members;
  for (const Fallback& one : options.fallbacks) members[one.id].update(control::FallbackView(one));
  for (const StandbyState& one : devices.standbys())
    members[one.standby].update(control::StandbyView(one));
  for (const auto& [id, counters] : devices.counters())
    members[id].update(control::CountersView(counters));
  return members;
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
  paused_ = true;
  if (board_) TRY(board_->Stop());
  if (!std::exchange(stop_told_, true)) Announce("STOP");
  return {};
}

base::Status Machine::Continue() {
  if (!paused_) return {};
  if (board_) {
    TRY(board_->Stop());
    board_->NotePause();
  }
  devices_->emulated().Retry();
  if (board_) TRY(board_->Resume());
  paused_ = stop_told_ = io_error_ = false;
  Announce("RESUME");
  return {};
}

base::Status Machine::Resize(const control::BlockResize& resize) {
  const uint64_t bytes = TRY(devices_->emulated().ResizeDisk(resize.id, resize.bytes));
  base::Log(base::Level::kInfo, "{}: has {} bytes now (monitor)", resize.id, bytes);
  return {};
}

// As QEMU, the event first; a machine that is paused already stays so for its own reason.
void Machine::OnNotice(const DeviceNotice& notice) {
  if (const auto* const broken = std::get_if<QueueBroken>(&notice.what)) {
    return Announce("DEVICE_QUEUE_BROKEN",
                    control::QueueBrokenData(notice.id, broken->queue, broken->reason));
  }
  const auto& fault = std::get<virtio::BlkFault>(notice.what);
  Announce("BLOCK_IO_ERROR", control::IoErrorData(notice.id, fault));
  if (!fault.stop || !board_) return;
  io_error_ = io_error_ || !paused_;
  if (const base::Status paused = Pause(); !paused) {
    base::Log(base::Level::kError, "{}: the machine does not stop: {}", notice.id,
              paused.error().message());
  }
}

// After the reply. A second request before it is done is the same one.
void Machine::AskForReset() {
  loop_->Post([this, generation = generation_.load()] {
    if (generation != generation_) return;
    reset_log_.Log(base::Level::kInfo, "vmm: reset (monitor)");
    ResetOrEnd(control::Cause::kSystemReset);
  });
}

base::Status Machine::Add(const control::DeviceAdd& device) {
  const std::optional<uint8_t> port = TRY(PortNumber(device.bus));
  if (device.devfn.value_or(0) != 0)
    return base::Fail(base::Code::kUsage, "addr: a port has the one device 00.0");
  AssignRequest request;
  request.host = device.host;
  request.id = device.id;
  request.vf_token = device.token;
  request.config = device.config;
  if (!device.rom.empty()) request.rom = TRY(assigned::ParseRomRequest(device.rom));
  devices_->AddLater(request, port, [this, client = server_->asking()](const base::Status& done) {
    if (done) WatchFaults();
    server_->Finish(client, Done(done));
  });
  return {};
}

base::Status Machine::Remove(const control::DeviceDel& device) {
  const bool at_once = device.force.value_or(false);
  const auto patience = at_once          ? std::chrono::seconds(0)
                        : device.timeout ? std::chrono::seconds(*device.timeout)
                                         : kLeaveTime;
  return devices_->Remove(
      device.id, patience,
      device.force == false ? PortWaits::AtEnd::kKeep : PortWaits::AtEnd::kTake);
}

base::Status Machine::Add(const control::EmulatedAdd& device) {
  const std::optional<uint8_t> port = TRY(PortNumber(device.bus));
  const EmulatedRequest request = TRY(ParseEmulated(device.driver, device.settings, options_.cpus));
  TRY(CheckHotPlug(request));
  return devices_->Add(request, device.id, port);
}

Json Machine::BlockList() const {
  Json list = Json::array();
  for (const EmulatedDevices::Emulated& one : devices_->emulated().all()) {
    if (one.disk == nullptr) continue;
    list.push_back(control::BlockJson(one.id, one.disk->options(), one.disk->view()));
  }
  return list;
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
      return Json({{"running", !paused_},
                   {"status", io_error_ ? "io-error"
                              : paused_ ? "paused"
                                        : "running"}});
    case Verb::kQueryBlock:
      return BlockList();
    case Verb::kQueryPci:
      return control::PciList(devices_->bridge().View(), devices_->ids(),
                              OwnMembers(options_, *devices_));
    case Verb::kQueryBalloon:
      return QueryBalloon();
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

std::optional<control::Refusal> Machine::RefusedWithoutBoard(
    const control::Command& command) const {
  if (!resetting_) return control::Refusal{"GenericError", "the machine is ending"};
  const auto* const verb = std::get_if<Verb>(&command);
  if (verb != nullptr && *verb != Verb::kPowerdown) return std::nullopt;
  return control::Refusal{"GenericError",
                          "the guest is being reset, which waits for the host's storage"};
}

std::optional<Answer<Json>> Machine::Execute(const control::Command& command) {
  if (!board_) {
    if (auto refusal = RefusedWithoutBoard(command)) return tl::unexpected(std::move(*refusal));
  }
  if (const auto* const add = std::get_if<control::DeviceAdd>(&command)) {
    const base::Status begun = Add(*add);
    if (begun) return std::nullopt;
    return Done(begun);
  }
  if (const auto* const add = std::get_if<control::EmulatedAdd>(&command)) return Done(Add(*add));
  if (const auto* const remove = std::get_if<control::DeviceDel>(&command)) {
    return Done(Remove(*remove));
  }
  if (const auto* const resize = std::get_if<control::BlockResize>(&command)) {
    return Done(Resize(*resize));
  }
  if (const auto* const balloon = std::get_if<control::Balloon>(&command)) {
    return DoneWithBalloon(SetBalloon(balloon->bytes));
  }
  return Do(std::get<Verb>(command));
}

}  // namespace vmm
