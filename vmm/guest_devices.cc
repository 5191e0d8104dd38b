#include "vmm/guest_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "sysfs/base/log.h"
#include "vfio/memlock.h"

namespace vmm {
namespace {

using assigned::AssignedDevice;
using base::Code;
using base::Fail;
using std::chrono::steady_clock;

void TakeEvent(const base::EventFd& event) {
  if (const auto taken = event.Take(); !taken)
    base::Log(base::Level::kWarning, "event: {}", taken.error().message());
}

}  // namespace

base::Result<std::unique_ptr<GuestDevices>> GuestDevices::Create(
    Wiring wiring, const Options& options, const MachinePlan& plan, const GuestMemory& memory,
    std::shared_ptr<IoDevice> reset_port) {
  std::unique_ptr<GuestDevices> devices(new GuestDevices(std::move(wiring), plan, memory, options.pages));
  const Wiring& wired = devices->wiring_;
  Assignment::Hooks hooks;
  if (wired.populated) hooks.populated = wired.populated;
  hooks.later = [loop = wired.loop](std::function<void()> function) {
    loop->Post(std::move(function));
  };
  TRY(devices->PairStandbys());
  if (devices->standby_) {
    hooks.mastering = [raw = devices.get()](const sysfs::PciAddress& device, bool on) {
      raw->standby_->Mastering(device, on);
    };
  }
  devices->assignment_.emplace(TRY(Assignment::Start(*wired.kernel, *wired.tree, plan, options.dma,
                                                     devices->ram_, wired.link, std::move(hooks))));
  const auto notice = [raw = devices.get()](DeviceNotice what) {
    raw->wiring_.loop->Post([raw, what = std::move(what)] {
      if (raw->wiring_.notice) raw->wiring_.notice(what);
    });
  };
  const auto driver_came = [raw = devices.get()](const std::string& id, bool knows) {
    raw->wiring_.loop->Post([raw, id, knows] {
      if (raw->standby_) raw->standby_->DriverCame(id, knows);
    });
  };
  devices->emulated_ = TRY(
      EmulatedDevices::Create({wired.kernel, wired.tree, &memory, notice, devices->SetUpBalloon(),
                               driver_came, wired.console, wired.was_reset},
                              options, plan.emulated));
  devices->bridge_ = pci::HostBridge::Create(plan.layout, std::move(reset_port));
  devices->patience_ =
      TRY(Timer::Create(*wired.loop, [raw = devices.get()] { raw->OnPatience(); }));
  devices->bridge_->OnRemoved([raw = devices.get()](uint8_t port) {
    raw->wiring_.loop->Post([raw, port] {
      // Meanwhile it may have been closed by another hand, and another card may be there.
      if (!raw->bridge_->IsFree(port)) return;
      raw->forced_.erase(port);
      raw->Close(port, false);
    });
  });
  TRY(devices->PlugAll());
  return devices;
}

base::Status GuestDevices::PlugAll() {
  for (const PlannedPort& port : plan_->ports) TRY(bridge_->AddPort(port.devfn(), port.number));
  std::map<uint8_t, CardFunctions> cards;  // by port
  auto device = assignment_->devices().begin();
  for (const PlannedDevice& planned : plan_->devices) {
    if (planned.hidden) continue;
    const auto port = static_cast<uint8_t>(planned.guest_slot * 8);
    Plugged& plugged = plugged_.emplace_back();
    plugged.device = *device++;
    plugged.id = planned.id;
    TRY(Watch(plugged));
    if (planned.behind_port) {
      plugged.port = port;
      cards[port][planned.function] = plugged.device;
    } else {
      plugged.devfn = planned.devfn();
      TRY(bridge_->Add(plugged.devfn, plugged.device));
    }
  }
  for (const auto& [port, functions] : cards) TRY(InsertCard(port, functions));
  for (const EmulatedDevices::Emulated& one : emulated_->all()) {
    pci::Card card;
    card.functions.front() = one.function;
    TRY(bridge_->Insert(one.port, std::move(card)));
  }
  return {};
}

base::Status GuestDevices::InsertCard(uint8_t port, const CardFunctions& functions) {
  pci::Card card;
  AssignedDevices devices;
  for (const auto& [function, device] : functions) {
    card.functions.at(function) = device;
    devices.push_back(device);
  }
  card.link = devices.front()->plan().link;
  assignment_->PrepareCard(devices);
  card.reset = [this, devices = std::move(devices)] { return assignment_->ResetCard(devices); };
  return bridge_->Insert(port, std::move(card));
}

base::Status GuestDevices::Watch(Plugged& plugged) {
  using Handler = void (GuestDevices::*)(const sysfs::PciAddress&);
  const AssignedDevice& device = *plugged.device;
  const std::array<std::pair<const base::EventFd*, Handler>, 2> events = {
      {{&device.request_event(), &GuestDevices::OnWanted},
       {&device.error_event(), &GuestDevices::OnError}}};
  for (const auto& [event, handle] : events) {
    const auto call = [this, event = event, handle = handle, address = device.address()] {
      TakeEvent(*event);
      (this->*handle)(address);
    };
    plugged.watches.push_back(TRY(wiring_.loop->Add(event->fd(), call)));
  }
  return {};
}

const GuestDevices::Plugged* GuestDevices::Find(const sysfs::PciAddress& device) const {
  const auto found = std::find_if(plugged_.begin(), plugged_.end(), [&](const Plugged& one) {
    return one.device->address() == device;
  });
  return found == plugged_.end() ? nullptr : &*found;
}

// A balloon lets go of guest RAM on the devices' thread; what is out is mapped before the guest
// starts anew.
base::Status GuestDevices::Restart() {
  EndOpening();
  emulated_->DrainBalloon();
  TRY(ram_.Restore());
  for (const LostDevice& lost : TRY(assignment_->Restart(wiring_.link))) Quarantine(lost);
  if (standby_) standby_->MachineReset();
  forced_.clear();  // of a guest that is no more
  return {};
}

void GuestDevices::Quarantine(const LostDevice& lost) {
  if (Find(lost.address) == nullptr) return;  // gone with another function of its card
  base::Log(base::Level::kError,
            "{}: quarantined: {}; taken from the guest\n"
            "  hint: switch its slot, or the host, off and on; until then give it to nobody",
            lost.address.ToString(), lost.why.message());
  TakeOut(lost.address);
}

void GuestDevices::TakeOut(const sysfs::PciAddress& address) {
  const auto plugged = std::find_if(plugged_.begin(), plugged_.end(), [&](const Plugged& one) {
    return one.device->address() == address;
  });
  if (plugged == plugged_.end()) return;
  if (plugged->port) return TakeOut(*plugged->port);
  bridge_->Remove(plugged->devfn);
  Plugged gone = std::move(*plugged);
  plugged_.erase(plugged);
  Close(std::move(gone), true);
}

std::map<std::string, std::string> GuestDevices::ids() const {
  std::map<std::string, std::string> ids;
  for (const Plugged& one : plugged_) ids[std::string(one.device->name())] = one.id;
  for (const auto& one : emulated_->all()) ids[std::string(one.function->name())] = one.id;
  return ids;
}

bool GuestDevices::IsKnown(const std::string& id) const {
  return std::any_of(plugged_.begin(), plugged_.end(),
                     [&](const Plugged& one) { return one.id == id; }) ||
         PortOf(id).has_value() || (opening_ && opening_->place.device.id == id);
}

std::optional<uint8_t> GuestDevices::PortOf(const std::string& id) const {
  for (const Plugged& one : plugged_) {
    if (one.id == id) return one.port;
  }
  for (const EmulatedDevices::Emulated& one : emulated_->all()) {
    if (one.id == id) return one.port;
  }
  return std::nullopt;
}

base::Status GuestDevices::Remove(const std::string& id, std::chrono::seconds patience,
                                  PortWaits::AtEnd at_end) {
  const std::optional<uint8_t> found = PortOf(id);
  const auto fixed = std::find_if(plugged_.begin(), plugged_.end(),
                                  [&](const Plugged& one) { return one.id == id && !one.port; });
  if (fixed != plugged_.end()) {
    if (patience.count() == 0) {
      TakeOut(fixed->device->address());
      return {};
    }
    return Fail(Code::kUnfit,
                id + ": sits on the guest's bus 0, where a guest cannot be asked to let go",
                "force=true takes it away; assigned without addr= it leaves in peace");
  }
  if (!found) return Fail(Code::kNotFound, id + ": the machine has no device with this id");
  const uint8_t port = *found;
  if (patience.count() == 0) {
    TakeOut(port);
    return {};
  }
  TRY(bridge_->RequestRemoval(port));
  if (standby_) standby_->Asked(id);
  waits_.Asked(port, steady_clock::now() + patience, at_end);
  ArmPatience();
  return {};
}

void GuestDevices::ArmPatience() {
  const auto next = waits_.next();
  if (!next) return;
  const auto left = std::max(*next - steady_clock::now(), steady_clock::duration::zero());
  if (const base::Status armed = patience_->Arm(left); !armed) OnPatience();
}

void GuestDevices::OnPatience() {
  const PortWaits::Due due = waits_.TakeDue(steady_clock::now());
  for (const uint8_t port : due.take_out) {
    base::Log(base::Level::kWarning,
              "vmm: the guest did not let go of its device in time: it is taken away");
    TakeOut(port);
  }
  for (const uint8_t port : due.keep) Keep(port);
  for (const uint8_t port : due.announce) {
    if (!bridge_->Announce(port)) waits_.CardWorks(port);
  }
  ArmPatience();
}

void GuestDevices::TakeOut(uint8_t port) {
  forced_.insert(port);
  bridge_->TakeOut(port);
  Close(port, true);
}

std::vector<std::string> GuestDevices::IdsIn(uint8_t port) const {
  std::vector<std::string> ids;
  for (const Plugged& one : plugged_) {
    if (one.port == port) ids.push_back(one.id);
  }
  for (const EmulatedDevices::Emulated& one : emulated_->all()) {
    if (one.port == port) ids.push_back(one.id);
  }
  return ids;
}

// Somebody else may have asked too, and takes it later.
void GuestDevices::Keep(uint8_t port) {
  const bool leaves = waits_.LeavesBy(port, PortWaits::Time::max());
  if (!leaves) bridge_->WithdrawRequest(port);
  for (const std::string& id : IdsIn(port)) {
    base::Log(base::Level::kWarning, "{}: the guest did not let go of it in time{}", id,
              leaves ? "" : ", and keeps it");
    if (standby_ && !leaves) standby_->Kept(id);
    if (wiring_.kept) wiring_.kept(id);
  }
}

void GuestDevices::Close(uint8_t port, bool forced) {
  waits_.CardWent(port);
  const auto gone = std::stable_partition(plugged_.begin(), plugged_.end(),
                                          [&](const Plugged& one) { return one.port != port; });
  std::vector<Plugged> card(std::make_move_iterator(gone), std::make_move_iterator(plugged_.end()));
  plugged_.erase(gone, plugged_.end());
  for (Plugged& one : card) Close(std::move(one), forced);
  if (auto emulated = emulated_->Take(port)) Close(std::move(*emulated), forced);
}

// The kernel resets it at its last close: 100 ms, and up to a minute for one that does not answer
// any longer (pci_dev_wait). The machine goes on meanwhile.
void GuestDevices::Close(Plugged plugged, bool forced) {
  auto device = std::move(plugged.device);
  if (standby_) standby_->Out(plugged.id);
  plugged.watches.clear();
  closed_.push_back({std::string(device->name()), device->counters()});
  assignment_->Remove(device, wiring_.unlink);
  const std::string name(device->name());
  const auto address = device->address();
  const bool answered = device->Answers();  // otherwise it is told already
  const auto held = std::make_shared<std::shared_ptr<AssignedDevice>>(std::move(device));
  const auto close = [held, answered, address, tree = wiring_.tree] {
    held->reset();
    const auto lost = answered ? CheckAfterClose(*tree, address) : std::nullopt;
    if (lost) TellLost(*lost);
  };
  CloseInBackground(close, {name, std::move(plugged.id), forced});
}

// The host may have requests of it in progress.
void GuestDevices::Close(EmulatedDevices::Emulated emulated, bool forced) {
  const std::string id = emulated.id;
  const auto held = std::make_shared<EmulatedDevices::Emulated>(std::move(emulated));
  CloseInBackground([this, held] { emulated_->End(std::move(*held)); }, {id, id, forced});
}

void GuestDevices::CloseInBackground(std::function<void()> end, Leaver leaver) {
  const auto left = [this, leaver = std::move(leaver)] {
    base::Log(base::Level::kInfo, "{}: has left the machine", leaver.name);
    if (wiring_.gone) wiring_.gone(leaver.id, leaver.forced);
    if (standby_) standby_->Closed(leaver.id);
  };
  const auto close = [this, end = std::move(end), left] {
    end();
    wiring_.loop->Post(left);
  };
  std::erase_if(closing_, [](const Thread& one) { return one.WaitUntil({}); });
  auto closing = Thread::Start("closer", close);
  if (closing) {
    closing_.push_back(std::move(*closing));
  } else {
    base::Log(base::Level::kWarning, "{}", closing.error().message());
    close();
  }
}

std::vector<LostDevice> GuestDevices::CloseAll() {
  opening_.reset();
  closing_.clear();
  std::vector<sysfs::PciAddress> addresses;
  for (const Plugged& one : plugged_) addresses.push_back(one.device->address());
  plugged_.clear();
  bridge_.reset();
  emulated_.reset();
  assignment_.reset();
  std::vector<LostDevice> lost;
  for (const sysfs::PciAddress& address : addresses) {
    if (auto one = CheckAfterClose(*wiring_.tree, address)) lost.push_back(std::move(*one));
  }
  return lost;
}

void GuestDevices::OnWanted(const sysfs::PciAddress& address) {
  const Plugged* const plugged = Find(address);
  if (plugged == nullptr) return;
  const std::string name = address.ToString();
  if (!plugged->device->Answers()) {
    base::Log(base::Level::kError, "{}: is no longer there: it is taken from the guest", name);
    return TakeOut(address);
  }
  if (!plugged->port) {
    base::Log(
        base::Level::kWarning,
        "{}: the host wants it back: taken from the guest, which cannot be asked for a device "
        "on its bus 0",
        name);
    return TakeOut(address);
  }
  // The kernel asks again and again.
  if (waits_.LeavesBy(*plugged->port, steady_clock::now() + kGiveBackTime)) return;
  base::Log(base::Level::kWarning,
            "{}: the host wants it back: asked of the guest, taken away in {} s", name,
            kGiveBackTime.count());
  if (const base::Status asked = Remove(plugged->id, kGiveBackTime); !asked)
    base::Log(base::Level::kError, "{}", asked.error().message());
}

// The guest sees its device go and the machine lives; adding it again resets it.
void GuestDevices::OnError(const sysfs::PciAddress& address) {
  if (Find(address) == nullptr) return;
  base::Log(base::Level::kError, "{}: reports an uncorrectable error; it is taken from the guest",
            address.ToString());
  TakeOut(address);
}

std::optional<GuestDevices::Known> GuestDevices::NoteFault(const sysfs::IommuFault& fault) {
  for (const Plugged& one : plugged_) {
    if (!fault.IsOf(one.device->address())) continue;
    one.device->NoteIommuFault();
    return Known{one.id, std::string(one.device->name())};
  }
  return std::nullopt;
}

std::map<std::string, assigned::AssignedCounters> GuestDevices::counters() const {
  std::map<std::string, assigned::AssignedCounters> counters;
  for (const Plugged& one : plugged_) counters[one.id] = one.device->counters();
  return counters;
}

std::vector<DeviceStats> GuestDevices::stats() const {
  std::vector<DeviceStats> all = closed_;
  for (const Plugged& one : plugged_)
    all.push_back({std::string(one.device->name()), one.device->counters()});
  return all;
}

}  // namespace vmm
