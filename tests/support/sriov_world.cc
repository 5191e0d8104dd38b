#include "tests/support/sriov_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sriov/record.h"
#include "sysfs/base/text.h"

namespace test {
namespace {

using sriov::NvmeAction;
using sriov::NvmeResource;
using sriov::VfAttributes;

const std::string kCardName = "0000:03:00.0";
const std::string kDriveName = "0000:08:00.0";

std::string PathOf(const std::string& bdf) { return "/sys/bus/pci/devices/" + bdf; }

class DriveAdmin final : public sriov::NvmeAdmin {
 public:
  explicit DriveAdmin(SriovWorld& world) : world_(world) {}
  base::Result<sriov::NvmePrimary> ReadPrimary() override { return world_.drive().primary; }
  base::Result<std::vector<sriov::NvmeSecondary>> ReadSecondaries() override {
    return world_.drive().secondaries;
  }
  base::Status Manage(const sriov::NvmeCommand& command) override { return world_.Manage(command); }

 private:
  SriovWorld& world_;
};

base::Failure Refused(const char* why) { return base::Fail(base::Code::kKernel, why); }

}  // namespace

SriovWorld::SriovWorld() {
  FakeTree& tree = *tree_;
  tree.AddDriver("igb", false, {"8086:10c9"});
  tree.AddDriver("igbvf", false, {"8086:10ca"});
  tree.AddDriver("nvme", false, {"0108"});
  tree.AddDriver("vfio-pci", true);
  tree.AddDriver("pci-stub", true);
  tree.AddDevice({.bdf = kCardName,
                  .vendor = 0x8086,
                  .device = 0x10c9,
                  .class_code = 0xff0000,
                  .driver = "igb",
                  .group = 3,
                  .totalvfs = 7});
  tree.AddDevice({.bdf = kDriveName, .driver = "nvme", .group = 8, .totalvfs = 4});
  tree.AddDirectory(PathOf(kCardName) + "/net/eth3");
  tree.AddFile("/sys/class/net/eth3/flags", "0x1003\n");
  tree.AddFile(PathOf(kDriveName) + "/nvme/nvme1/state", "live\n");
  tree.AddFile(PathOf(kDriveName) + "/reset", "");
  tree.AddFile("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  tree.Answer(
      [this](const std::string& path, const std::string& value) { return OnWrite(path, value); });
  drive_.primary.controller = 0;
  drive_.primary.queues = {8, 0, 8, 9, 2, 1};
  drive_.primary.interrupts = {4, 0, 4, 12, 1, 1};
  drive_.next_queues = 8;
  drive_.next_interrupts = 4;
  for (uint16_t i = 1; i <= 4; ++i) {
    drive_.secondaries.push_back({i, i, false, 0, 0});
    drive_.was_reset.push_back(false);
  }
}

bool SriovWorld::Fails() {
  ++steps_;
  if (steps_ == kill_at_) throw Killed();
  if (steps_ != fail_at_) return false;
  if (again_ > 0) fail_at_ += std::exchange(again_, 0);
  return true;
}

std::string SriovWorld::Address(const std::string& pf, unsigned index) const {
  return pf == kCardName ? fmt::format("0000:03:10.{}", index)
                         : fmt::format("0000:08:00.{}", index + 1);
}

void SriovWorld::AddFunction(const std::string& pf, unsigned index) {
  const bool is_card = pf == kCardName;
  FakeDevice device;
  device.bdf = Address(pf, index);
  device.physfn = pf;
  device.group = (is_card ? 30 : 80) + index;
  if (is_card) {
    device.vendor = 0x8086;
    device.device = 0x10ca;
    device.class_code = 0xff0000;
  }
  tree_->AddDevice(device);
  tree_->AddFile(PathOf(device.bdf) + "/reset", "");
  if (tree_->Read(PathOf(pf) + "/sriov_drivers_autoprobe").value() == "1") {
    is_within_ = true;
    (void)tree_->Write("/sys/bus/pci/drivers_probe", device.bdf);
    is_within_ = false;
  }
  if (!is_silent_) announced_.push_back(*sysfs::PciAddress::Parse(device.bdf));
}

void SriovWorld::RemoveFunctions(const std::string& pf, unsigned count) {
  for (unsigned index = 0; index < count; ++index) {
    const std::string bdf = Address(pf, index);
    const auto device = sysfs::ReadDevice(*tree_, *sysfs::PciAddress::Parse(bdf));
    const std::string real = *sysfs::RealPath(*tree_, PathOf(bdf));
    if (device->driver) tree_->Remove("/sys/bus/pci/drivers/" + *device->driver + "/" + bdf);
    if (device->iommu_group) {
      tree_->Remove(fmt::format("/sys/kernel/iommu_groups/{}", *device->iommu_group));
      tree_->Remove(fmt::format("/dev/vfio/{}", *device->iommu_group));
    }
    tree_->Remove(PathOf(bdf));
    tree_->Remove(real);
    tree_->Remove(fmt::format("{}/virtfn{}", PathOf(pf), index));
  }
}

int SriovWorld::WriteCount(const std::string& pf, unsigned count) {
  const auto device = sysfs::ReadDevice(*tree_, *sysfs::PciAddress::Parse(pf));
  const unsigned present = device->sriov_numvfs.value_or(0);
  if (count > *device->sriov_totalvfs) return ERANGE;
  if (count == present) return 0;
  if (!device->driver) return ENOENT;
  if (count != 0 && present != 0) return EBUSY;
  RemoveFunctions(pf, present);
  count = std::min(count, most_);
  if (pf == kCardName) attributes_.clear();
  for (unsigned index = 0; index < count; ++index) {
    if (pf == kCardName) {
      VfAttributes& attributes = attributes_[index];
      attributes.mac = sriov::MacAddress();
      attributes.vlan = sriov::Vlan();
      attributes.trust = false;
      attributes.spoof_check = true;
      attributes.rates = sriov::Rates();
      attributes.link = sriov::LinkState::kAuto;
    }
    AddFunction(pf, index);
  }
  if (pf == kDriveName && count == 0) {
    for (auto& one : drive_.secondaries) one.online = false, one.queues = one.interrupts = 0;
  }
  tree_->AddFile(PathOf(pf) + "/sriov_numvfs", fmt::format("{}\n", count));
  return 0;
}

void SriovWorld::ResetDrive() {
  drive_.primary.queues.primary = drive_.next_queues;
  drive_.primary.interrupts.primary = drive_.next_interrupts;
  for (auto& one : drive_.secondaries) one.online = false, one.queues = one.interrupts = 0;
}

std::optional<int> SriovWorld::OnWrite(const std::string& path, const std::string& value) {
  if (is_within_) return std::nullopt;  // the kernel's own probing is no step
  if (Fails()) return fail_err_;
  const std::string name(base::LastComponent(path));
  const std::string folder = path.substr(0, path.rfind('/'));
  const std::string bdf(base::LastComponent(folder));
  if (name == "sriov_numvfs")
    return WriteCount(bdf, static_cast<unsigned>(base::ParseDecimal(value, 1000).value_or(0)));
  if (name == "reset" && bdf == kDriveName) ResetDrive();
  if (name == "reset" && bdf != kDriveName && bdf.starts_with("0000:08"))
    drive_.was_reset.at(static_cast<size_t>(bdf.back() - '1')) = true;
  return std::nullopt;
}

base::Result<std::map<unsigned, VfAttributes>> SriovWorld::Read(const std::string& name) {
  if (name != "eth3") return base::FailErrno(name, ENODEV);
  return attributes_;
}

base::Status SriovWorld::Write(const std::string& name, unsigned index,
                               const VfAttributes& change) {
  if (Fails()) return base::FailErrno(name, fail_err_);
  if (!attributes_.contains(index)) return base::FailErrno(name, EINVAL);
  if (const int err = card_refuses ? card_refuses(change) : 0; err != 0)
    return base::FailErrno(name, err);
  VfAttributes& own = attributes_[index];
  if (change.mac) own.mac = change.mac;
  if (change.vlan) own.vlan = change.vlan;
  if (change.trust) own.trust = change.trust;
  if (change.spoof_check) own.spoof_check = change.spoof_check;
  if (change.rates) own.rates = change.rates;
  if (change.link) own.link = change.link;
  return {};
}

base::Status SriovWorld::Manage(const sriov::NvmeCommand& command) {
  if (Fails()) return Refused("made to fail");
  const bool is_queues = command.resource == NvmeResource::kQueues;
  if (command.action == NvmeAction::kPrimaryFlexible) {
    (is_queues ? drive_.next_queues : drive_.next_interrupts) = command.count;
    return {};
  }
  const size_t at = command.controller - 1U;
  if (at >= drive_.secondaries.size()) return Refused("no such controller");
  sriov::NvmeSecondary& one = drive_.secondaries[at];
  if (command.action == NvmeAction::kAssign) {
    if (one.online) return Refused("wrong state");
    const auto& flexible = is_queues ? drive_.primary.queues : drive_.primary.interrupts;
    uint32_t used = flexible.primary;
    for (const auto& other : drive_.secondaries) {
      if (other.controller != one.controller) used += is_queues ? other.queues : other.interrupts;
    }
    if (command.count > flexible.most || used + command.count > flexible.total)
      return Refused("not that many resources are free");
    (is_queues ? one.queues : one.interrupts) = command.count;
    drive_.was_reset[at] = false;
    return {};
  }
  const bool is_ready = one.queues >= 2 && one.interrupts >= 1 && drive_.was_reset[at] &&
                        tree_->Exists(fmt::format("{}/virtfn{}", PathOf(kDriveName), at));
  if (command.action == NvmeAction::kOnline && !is_ready) return Refused("wrong state");
  one.online = command.action == NvmeAction::kOnline;
  return {};
}

std::string SriovWorld::Digest() {
  std::string text;
  DriveAdmin admin(*this);
  for (const auto& address : {kCard, kSriovDrive}) {
    const auto pf = sriov::ReadFunctions(*tree_, address, {this, &admin});
    text += fmt::format("{} {} {} {}\n", address.ToString(), pf->device.driver.value_or("-"),
                        pf->count, *pf->autoprobe);
    if (pf->primary) {
      text += fmt::format("  primary {} {}\n", pf->primary->queues.primary,
                          pf->primary->interrupts.primary);
    }
    for (const auto& one : pf->functions) {
      text += fmt::format("  {} {} {} {}", one.device.address.ToString(),
                          one.device.driver.value_or("-"), one.device.driver_override.value_or("-"),
                          sriov::Format(one.attributes));
      if (one.controller) {
        text += fmt::format(" {} {} {}", one.controller->online, one.controller->queues,
                            one.controller->interrupts);
      }
      text += '\n';
    }
  }
  const auto bound = journal().List().value();
  for (const auto& address : bound) text += "bound " + address.ToString() + "\n";
  for (const auto& address : sriov::ListRecords(journal()))
    text += "record " + address.ToString() + "\n";
  return text;
}

sysfs::AssignmentHost SriovWorld::Assignment(sysfs::Tree& tree) const {
  sysfs::AssignmentHost host = {tree, journal(), {}, {}, {}};
  host.lock_patience = std::chrono::milliseconds(0);
  host.write_deadline = std::chrono::milliseconds(20);
  host.in_process_writes = true;
  host.apply.pause = [](std::chrono::milliseconds) {};
  return host;
}

sriov::Host SriovWorld::Host(sysfs::AssignmentHost& assignment) {
  sriov::Host host = {assignment, *this, {}, {}, {}};
  host.open_nvme =
      [this](const std::string& node) -> base::Result<std::unique_ptr<sriov::NvmeAdmin>> {
    if (node != "/dev/nvme1") return base::FailErrno(node, ENOENT);
    return std::unique_ptr<sriov::NvmeAdmin>(std::make_unique<DriveAdmin>(*this));
  };
  host.watch = [this]() -> base::Result<sriov::Watch> {
    return sriov::Watch([this](std::chrono::milliseconds) -> std::optional<sysfs::PciAddress> {
      if (announced_.empty()) return std::nullopt;
      const auto address = announced_.front();
      announced_.erase(announced_.begin());
      return address;
    });
  };
  return host;
}

}  // namespace test
