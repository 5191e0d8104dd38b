#include "vmm/standby_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sysfs/base/log.h"

namespace vmm {

StandbyPairs::StandbyPairs(Wiring wiring, std::vector<StandbyPair> pairs) {
  wiring_ = std::move(wiring);
  for (StandbyPair& pair : pairs) {
    Member member{std::move(pair), Standby(true)};
    members_.push_back(std::move(member));
  }
}

base::Result<StandbyPairs> StandbyPairs::Create(Wiring wiring, std::vector<StandbyPair> pairs) {
  StandbyPairs made(std::move(wiring), std::move(pairs));
  for (Member& member : made.members_) TRY(made.TakeAddress(member));
  return made;
}

// Whoever may not change it can still have set it before.
base::Status StandbyPairs::TakeAddress(Member& member) {
  if (wiring_.addresses == nullptr || !member.pair.is_virtual) return {};
  const sysfs::PciAddress& function = member.pair.primary.host;
  member.before = TRY(wiring_.addresses->Read(function));
  member.addressed = member.before == member.pair.mac;
  auto taken = wiring_.addresses->Write(function, {});
  member.writable = taken.has_value();
  if (taken) member.addressed = false;
  if (taken) return {};
  if (!member.addressed) {
    return base::Failure(
        std::move(taken)
            .error()
            .With(fmt::format("{}: give it the address of {}", function.ToString(),
                              member.pair.standby))
            .WithHint("as root: vassign sriov vf PF#INDEX --mac " + member.pair.mac.Text()));
  }
  base::Log(base::Level::kWarning,
            "{}: keeps its address while it is not in the guest ({}): {} may hear nothing then",
            function.ToString(), taken.error().message(), member.pair.standby);
  return {};
}

StandbyPairs::~StandbyPairs() {
  for (const Member& member : members_) {
    if (!member.writable || wiring_.addresses == nullptr) continue;
    const virtio::Mac now = member.addressed ? member.pair.mac : virtio::Mac{};
    if (now == member.before) continue;
    const base::Status back = wiring_.addresses->Write(member.pair.primary.host, member.before);
    if (!back) base::Log(base::Level::kWarning, "{}", back.error().message());
  }
}

StandbyPairs::Member* StandbyPairs::Find(const std::string& primary) {
  const auto found = std::find_if(members_.begin(), members_.end(), [&](const Member& one) {
    return IdOf(one.pair.primary) == primary;
  });
  return found == members_.end() ? nullptr : &*found;
}

base::Status StandbyPairs::SetAddress(Member& member, bool wanted) {
  if (!member.writable || member.addressed == wanted) return {};
  TRY(wiring_.addresses->Write(member.pair.primary.host, wanted ? member.pair.mac : virtio::Mac{}));
  member.addressed = wanted;
  return {};
}

void StandbyPairs::Settle(Member& member) {
  wiring_.set_link(member.pair.standby, member.state.link_up());
  const base::Status set = SetAddress(member, member.state.address());
  if (!set) base::Log(base::Level::kWarning, "{}", set.error().message());
}

// The address first: the guest's driver asks for it when it finds the device.
base::Status StandbyPairs::Plug(Member& member) {
  TRY(SetAddress(member, true));
  return wiring_.plug(member.pair.primary, member.port);
}

base::Status StandbyPairs::Do(Member& member, Standby::Action action) {
  base::Status done;
  if (action == Standby::Action::kPlug) done = Plug(member);
  if (!done) member.state.PlugFailed();
  Settle(member);
  if (action == Standby::Action::kTakeOut) wiring_.take_out(IdOf(member.pair.primary));
  return done;
}

void StandbyPairs::DriverCame(const std::string& standby, bool knows) {
  for (Member& member : members_) {
    if (member.pair.standby != standby) continue;
    const std::string primary = IdOf(member.pair.primary);
    if (!knows) {
      base::Log(base::Level::kWarning,
                "{}: the guest's driver knows nothing of standby: {} stays outside", standby,
                primary);
    } else {
      base::Log(base::Level::kInfo, "{}: the guest's driver stands by for {}", standby, primary);
      wiring_.negotiated(member.pair);
    }
    const base::Status done = Do(member, member.state.DriverCame(knows));
    if (!done) {
      base::Log(base::Level::kError, "{}; {} goes on alone, device-add tries again",
                done.error().message(), standby);
    }
  }
}

void StandbyPairs::Mastering(const sysfs::PciAddress& device, bool on) {
  for (Member& member : members_) {
    if (member.pair.primary.host != device) continue;
    member.state.Mastering(on);
    Settle(member);
  }
}

void StandbyPairs::MachineReset() {
  for (Member& member : members_) {
    const base::Status done = Do(member, member.state.MachineReset());
    if (!done) base::Log(base::Level::kWarning, "{}", done.error().message());
  }
}

std::optional<base::Status> StandbyPairs::Wanted(const AssignRequest& request,
                                                 std::optional<uint8_t> port) {
  Member* const member = Find(IdOf(request));
  if (member == nullptr) return std::nullopt;
  const Standby::Primary now = member->state.primary();
  if (now == Standby::Primary::kPlugged || now == Standby::Primary::kLeaving) return std::nullopt;
  if (request.host != member->pair.primary.host) {
    return base::Fail(base::Code::kUnfit,
                      fmt::format("{}: {} stands by for {}", IdOf(request), member->pair.standby,
                                  member->pair.primary.host.ToString()),
                      "give another device another id");
  }
  member->pair.primary = request;
  member->port = port;
  return Do(*member, member->state.Wanted());
}

std::vector<StandbyState> StandbyPairs::states() const {
  std::vector<StandbyState> all;
  for (const Member& member : members_) {
    const AssignRequest& primary = member.pair.primary;
    all.push_back({member.pair.standby, IdOf(primary), primary.host, member.state.primary(),
                   member.state.link_up()});
  }
  return all;
}

void StandbyPairs::Asked(const std::string& id) {
  Member* const member = Find(id);
  if (member == nullptr) return;
  member->state.Asked();
  Settle(*member);
}

void StandbyPairs::Kept(const std::string& id) {
  Member* const member = Find(id);
  if (member == nullptr) return;
  member->state.Kept();
  Settle(*member);
}

// A bridge beside the tap learns at once; the physical function hears of it when the address is
// free, which is told then.
void StandbyPairs::Out(const std::string& id) {
  Member* const member = Find(id);
  if (member == nullptr) return;
  member->state.Out();
  Settle(*member);
  wiring_.announce(member->pair.standby);
}

void StandbyPairs::Closed(const std::string& id) {
  Member* const member = Find(id);
  if (member == nullptr) return;
  const Standby::Action next = member->state.Closed();
  Settle(*member);
  wiring_.announce(member->pair.standby);
  const base::Status done = Do(*member, next);
  if (!done) base::Log(base::Level::kError, "{}", done.error().message());
}

}  // namespace vmm
