// How a device joins a machine that runs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "vfio/memlock.h"
#include "vmm/confinement/confine.h"
#include "vmm/guest_devices.h"
#include "vmm/ram/populate.h"

namespace vmm {

using base::Code;
using base::Fail;
using std::chrono::steady_clock;

// A guest may not be done with a card that was taken from it: Linux's virtio driver waits for ever
// for the reset of one that is no longer there (vp_reset), and its port with it.
base::Result<uint8_t> GuestDevices::ChoosePort(const std::string& id,
                                               std::optional<uint8_t> number) const {
  // A card that has just left is closed by a later turn of the loop: its port is not free before.
  const auto is_free = [&](uint8_t port) {
    return bridge_->IsFree(port) && !(opening_ && opening_->place.port == port) &&
           std::none_of(plugged_.begin(), plugged_.end(),
                        [&](const Plugged& one) { return one.port == port; }) &&
           std::none_of(emulated_->all().begin(), emulated_->all().end(),
                        [&](const auto& one) { return one.port == port; });
  };
  std::optional<uint8_t> last_choice;
  for (const PlannedPort& port : plan_->ports) {
    if (number && port.number != *number) continue;
    if (is_free(port.devfn())) {
      if (number || !forced_.contains(port.devfn())) return port.devfn();
      if (!last_choice) last_choice = port.devfn();
    }
    if (number)
      return Fail(Code::kUnfit, fmt::format("{}: port{} has a device already", id, *number));
  }
  if (last_choice) return *last_choice;
  if (!number) {
    return Fail(Code::kUnfit, id + ": the machine has no free hot-plug port",
                "remove a device, or start the machine with more ports (--hotplug N)");
  }
  return Fail(Code::kUsage, fmt::format("{}: the machine has no port{}", id, *number),
              fmt::format("it has port1 to port{}", plan_->ports.size()));
}

base::Status GuestDevices::Add(const AssignRequest& request, std::optional<uint8_t> port_number) {
  if (standby_) {
    if (auto done = standby_->Wanted(request, port_number)) return std::move(*done);
  }
  return Plug(request, port_number);
}

// There may be a primary that is plugged at once.
void GuestDevices::AddLater(AssignRequest request, std::optional<uint8_t> port_number, Done done) {
  waiting_.push_back({std::move(request), port_number, std::move(done)});
  wiring_.loop->Post([this] { StartNext(); });
}

void GuestDevices::StartNext() {
  if (opening_ || waiting_.empty()) return;
  const Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  wiring_.loop->Post([this] { StartNext(); });
  if (standby_) {
    if (const auto status = standby_->Wanted(next.request, next.port_number))
      return next.done(*status);
  }
  const auto place = Prepare(next.request, next.port_number);
  if (!place) return next.done(base::Failure(place.error()));
  const auto needs = assignment_->Claim(place->device, wiring_.link);
  if (!needs) return next.done(base::Failure(needs.error()));

  opening_ = std::make_unique<Opening>();
  opening_->place = *place;
  opening_->done = next.done;
  const auto open = [this, raw = opening_.get(), needs = *needs, number = ++openings_] {
    base::Status ready;
    if (needs == Assignment::Needs::kRam) ready = Populate(raw->stop);
    if (ready) ready = confinement::Confine(confinement::ThreadKind::kOpener);
    if (ready) {
      raw->opened = assignment_->Open(raw->place.device, needs);
    } else {
      raw->opened = base::Failure(std::move(ready).error());
    }
    wiring_.loop->Post([this, number] {
      if (number == openings_) EndOpening();
    });
  };
  auto thread = Thread::Start("opener", open);
  if (thread) {
    opening_->thread = std::move(*thread);
  } else {
    opening_->opened = assignment_->Open(place->device, *needs);
    EndOpening();
  }
}

// As before the start of a machine with a device (Machine::MakeMemory), but for the processors that
// the guest is left. Where a balloon has taken pages nothing is filled that they may be in.
base::Status GuestDevices::Populate(const std::atomic<bool>& stop) const {
  if (ram_.state().reclaimed > 0) return {};
  const std::vector<std::span<std::byte>> memory = ram_.ToMap();
  Population population(PlanPopulate(memory, page_bytes_, UsableProcessors() / 2));
  return population.Wait({}, [&stop] { return stop.load(); });
}

void GuestDevices::EndOpening() {
  if (!opening_) return;
  const auto opening = std::move(opening_);
  opening->thread.Join();
  // Told by a turn of its own: who hears of it may ask for more, and here may be a reboot.
  wiring_.loop->Post(
      [this, done = opening->done, status = Finish(opening->place, std::move(*opening->opened))] {
        done(status);
        StartNext();
      });
}

void GuestDevices::CloseRam() {
  if (opening_) {
    opening_->stop = true;
    opening_->thread.Join();
  }
  ram_.Close();
}

base::Status GuestDevices::Plug(const AssignRequest& request, std::optional<uint8_t> port_number) {
  EndOpening();
  const Place place = TRY(Prepare(request, port_number));
  const auto needs = TRY(assignment_->Claim(place.device, wiring_.link));
  const std::atomic<bool> to_the_end{false};
  if (needs == Assignment::Needs::kRam) {
    if (auto filled = Populate(to_the_end); !filled)
      return Finish(place, base::Failure(std::move(filled).error()));
  }
  return Finish(place, assignment_->Open(place.device, needs));
}

base::Result<GuestDevices::Place> GuestDevices::Prepare(const AssignRequest& request,
                                                        std::optional<uint8_t> port_number) {
  const sysfs::PciAddress& address = request.host;
  const std::string id = IdOf(request);
  if (IsKnown(id) || Find(address) != nullptr)
    return Fail(Code::kUsage, id + ": the machine has this id or device already");
  const uint8_t port = TRY(ChoosePort(id, port_number));
  const HostDevice host = TRY(ReadHostDevice(*wiring_.tree, address));
  TRY(CheckHotPlug(host, *plan_));
  TRY(vfio::EnsureMemlock(*wiring_.tree, vfio::MemlockNeeded(plan_->layout.memory_bytes())));
  const PlannedDevice planned = {address,
                                 static_cast<uint8_t>(port / 8),
                                 true,
                                 0,
                                 host.device.modalias,
                                 id,
                                 request.config,
                                 request.rom,
                                 request.vf_token};
  return Place{planned, port};
}

base::Status GuestDevices::Finish(const Place& place, Assignment::Opened opened) {
  const uint8_t port = place.port;
  Plugged plugged;
  plugged.device = TRY(assignment_->Finish(place.device, std::move(opened), wiring_.unlink));
  plugged.port = port;
  plugged.id = place.device.id;
  const auto plug = [&]() -> base::Status {
    TRY(Watch(plugged));
    return InsertCard(port, {{uint8_t{0}, plugged.device}});
  };
  if (base::Status status = plug(); !status) {
    plugged.watches.clear();
    assignment_->Remove(plugged.device, wiring_.unlink);
    return status;
  }
  plugged_.push_back(std::move(plugged));
  NoteCard(port);
  return {};
}

base::Status GuestDevices::Add(const EmulatedRequest& request, std::string id,
                               std::optional<uint8_t> port_number) {
  if (id.empty()) id = emulated_->FreeId(request);
  if (IsKnown(id)) return Fail(Code::kUsage, id + ": the machine has this id already");
  const uint8_t port = TRY(ChoosePort(id, port_number));
  pci::Card card;
  card.functions.front() =
      TRY(emulated_->Add({request, static_cast<uint8_t>(port / 8), std::move(id)}));
  if (base::Status inserted = bridge_->Insert(port, std::move(card)); !inserted) {
    if (auto emulated = emulated_->Take(port)) emulated_->End(std::move(*emulated));
    return inserted;
  }
  NoteCard(port);
  return {};
}

void GuestDevices::NoteCard(uint8_t port) {
  waits_.CardCame(port, steady_clock::now());
  ArmPatience();
}

base::Status GuestDevices::PairStandbys() {
  if (plan_->standby.empty()) return {};
  StandbyPairs::Wiring wiring;
  wiring.addresses = wiring_.addresses;
  wiring.plug = [this](const AssignRequest& primary, std::optional<uint8_t> port) {
    return Plug(primary, port);
  };
  wiring.take_out = [this](const std::string& id) {
    if (const auto port = PortOf(id)) TakeOut(*port);
  };
  wiring.set_link = [this](const std::string& standby, bool up) {
    if (emulated_) emulated_->SetLink(standby, up);
  };
  wiring.announce = [this](const std::string& standby) { emulated_->Announce(standby); };
  wiring.negotiated = [this](const StandbyPair& pair) {
    if (wiring_.negotiated) wiring_.negotiated(pair);
  };
  standby_.emplace(TRY(StandbyPairs::Create(std::move(wiring), plan_->standby)));
  return {};
}

}  // namespace vmm
