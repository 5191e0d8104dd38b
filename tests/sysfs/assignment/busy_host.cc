#include "tests/sysfs/assignment/busy_host.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "tests/support/tree_proxy.h"

namespace sysfs {
namespace {

const std::string kDevices = "/sys/bus/pci/devices/";
constexpr size_t kAddressLength = 12;

// The device that a write reaches.
std::string NamedBy(const std::string& path, std::string_view value) {
  return path.starts_with(kDevices) ? path.substr(kDevices.size(), kAddressLength)
                                    : std::string(value);
}

}  // namespace

class BusyHost::View final : public test::TreeProxy {
 public:
  explicit View(BusyHost& host)
      : TreeProxy(host.tree_, [&host](const std::string& path,
                                      std::string_view value) { return host.Write(path, value); }),
        host_(host) {}
  base::Result<std::string> Read(const std::string& path) const override {
    host_.Look(path);
    return TreeProxy::Read(path);
  }

 private:
  BusyHost& host_;
};

const test::FakeTree& BusyHost::MadeTree() {
  static const test::FakeTree made = [] {
    test::FakeTree tree;
    for (const Driver& one : Drivers()) tree.AddDriver(one.name, one.managed_dma, one.match);
    tree.AddDevice({.bdf = "0000:0b:00.0", .class_code = 0xff0000, .group = 19, .totalvfs = 2});
    for (const auto& [bdf, card] : Cards()) {
      tree.AddDevice(card);
      (void)tree.Write("/sys/bus/pci/drivers_probe", bdf);
    }
    tree.AddFile("/sys/bus/pci/devices/0000:09:00.1/power/control", "auto\n");
    return tree;
  }();
  return made;
}

BusyHost::BusyHost(test::RandomInput& chance)
    : chance_(chance),
      tree_(MadeTree()),
      journal_(folder_.path(), "boot-1"),
      view_(std::make_unique<View>(*this)) {
  for (const auto& [bdf, card] : Cards()) cards_[bdf] = card.device;
  if (chance_.ConsumeBool()) TakeOut("0000:04:00.0");
  for (const auto& [bdf, card] : Cards()) before_[bdf] = StateOf(bdf);
}

BusyHost::~BusyHost() = default;

AssignmentHost BusyHost::Host() {
  AssignmentHost host = {*view_, journal_, {}, {}, {}};
  host.lock_patience = std::chrono::milliseconds(0);
  host.in_process_writes = true;
  host.apply.pause = [](std::chrono::milliseconds) {};
  host.load_module = [this](const std::string& module) {
    Load(module);
    return base::Status();
  };
  return host;
}

void BusyHost::Begin(const std::vector<PciAddress>& devices, size_t deeds) {
  ours_.clear();
  seen_.clear();
  for (const PciAddress& one : devices) ours_.insert(one.ToString());
  deeds_left_ = deeds;
}

void BusyHost::Quieten() {
  deeds_left_ = 0;
  read_only_ = 0;
  tree_.Remove("/proc/77");
  tree_.Remove("/etc/driverctl.d");
  story_ += "the others stop\n";
}

std::vector<PciAddress> BusyHost::Slots() {
  std::vector<PciAddress> slots;
  for (const auto& [bdf, card] : Cards()) slots.push_back(PciAddress::Parse(bdf).value());
  return slots;
}

std::optional<uint16_t> BusyHost::CardIn(const PciAddress& slot) const {
  const auto card = cards_.find(slot.ToString());
  return card == cards_.end() ? std::nullopt : std::optional(card->second);
}

BusyHost::State BusyHost::StateOf(const std::string& bdf) const {
  return {tree_.DriverOf(bdf), tree_.OverrideOf(bdf), tree_.PowerOf(bdf)};
}

bool BusyHost::IsAsBefore(const PciAddress& slot) const {
  return StateOf(slot.ToString()) == before_.at(slot.ToString());
}

bool BusyHost::IsTheirs(const PciAddress& slot, const std::string& driver_override) const {
  return overrides_.contains({slot.ToString(), driver_override});
}

bool BusyHost::HasSeen(const Record& record) const {
  const auto states = seen_.find(record.address.ToString());
  if (states == seen_.end()) return false;
  return std::any_of(states->second.begin(), states->second.end(), [&](const State& state) {
    return std::get<0>(state) == record.driver && std::get<1>(state) == record.driver_override;
  });
}

// A look at a device begins with its uevent, and a whole one ends with its override.
void BusyHost::Look(const std::string& path) {
  if (path.ends_with("/uevent")) TakeTurn();
  if (!path.ends_with("/driver_override")) return;
  const std::string bdf = NamedBy(path, {});
  const auto card = cards_.find(bdf);
  seen_[bdf].push_back(StateOf(bdf));
  planned_[bdf] = card == cards_.end() ? std::nullopt : std::optional(card->second);
}

base::Status BusyHost::Write(const std::string& path, std::string_view value) {
  const std::string bdf = NamedBy(path, value);
  const auto card = cards_.find(bdf);
  story_ += fmt::format("we: {} > {}\n", value == "\n" ? "" : value, path);
  EXPECT_TRUE(ours_.contains(bdf)) << "not asked for";
  EXPECT_TRUE(card != cards_.end() && card->second == planned_[bdf]) << "another card";
  if (read_only_ > 0) {
    --read_only_;
    story_ += "  read-only\n";
    return base::FailErrno(path, EROFS);
  }
  base::Status status = tree_.Write(path, value);
  if (!status) story_ += "  " + status.error().message() + "\n";
  TakeTurn();
  return status;
}

// Every other time it is a device of ours.
void BusyHost::TakeTurn() {
  if (deeds_left_ == 0 || chance_.ConsumeIntegralInRange(0, 7) != 0) return;
  --deeds_left_;
  const Deed& deed = kDeeds.at(chance_.ConsumeIntegralInRange<size_t>(0, kDeeds.size() - 1));
  std::vector<std::string> places(ours_.begin(), ours_.end());
  if (chance_.ConsumeBool()) {
    places.clear();
    for (const auto& [bdf, card] : Cards()) places.push_back(bdf);
  }
  const std::string bdf = places.at(chance_.ConsumeIntegralInRange<size_t>(0, places.size() - 1));
  story_ += fmt::format("another {} {}\n", deed.name, bdf);
  ++done_[deed.name];
  if (deed.touches) touched_.insert(bdf);
  (this->*deed.act)(bdf);
}

}  // namespace sysfs
