// What others do on a busy host.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "tests/sysfs/assignment/busy_host.h"

namespace sysfs {
namespace {

using test::FakeDevice;

const std::string kDevices = "/sys/bus/pci/devices/";
const std::string kDrivers = "/sys/bus/pci/drivers/";
constexpr char kAutoprobe[] = "/sys/bus/pci/devices/0000:0b:00.0/sriov_drivers_autoprobe";
constexpr char kByIds[] = "uio_pci_generic";  // has got its ids through new_id

FakeDevice Card(const std::string& bdf, uint16_t id, uint32_t class_code, unsigned group) {
  return {.bdf = bdf, .vendor = 0x8086, .device = id, .class_code = class_code, .group = group};
}

}  // namespace

const std::array<BusyHost::Deed, BusyHost::kDeedCount> BusyHost::kDeeds = {{
    {"unbinds", &BusyHost::Unbind},
    {"clears the override of", &BusyHost::ClearOverride},
    {"sets the override of", &BusyHost::SetOverride},
    {"gives back", &BusyHost::Reattach},
    {"takes for driverctl", &BusyHost::TakeWithDriverctl},
    {"binds to pci-stub", &BusyHost::BindToStub},
    {"binds by its ids", &BusyHost::BindByIds},
    {"takes out", &BusyHost::TakeOut},
    {"takes out and finds again", &BusyHost::FindAgain},
    {"puts another card in for", &BusyHost::PutAnotherIn},
    {"unloads a driver, perhaps of", &BusyHost::UnloadDriver, /*touches=*/false},
    {"loads all drivers, for", &BusyHost::LoadDrivers, /*touches=*/false},
    {"makes sysfs read-only, for", &BusyHost::MakeReadOnly, /*touches=*/false},
    {"switches autoprobe, for", &BusyHost::SwitchAutoprobe, /*touches=*/false},
    {"opens the group of", &BusyHost::OpenGroup, /*touches=*/false},
}};

const std::vector<BusyHost::Driver>& BusyHost::Drivers() {
  static const std::vector<Driver> drivers = {
      {"nvme", false, {"0108"}},       {"igb", false, {"8086:10c9", "8086:beef"}},
      {"igbvf", false, {"8086:10ca"}}, {"shpchp", false, {"0604"}},
      {"vfio-pci", true, {}},          {"pci-stub", true, {}},
      {kByIds, false, {"01", "ff"}},
  };
  return drivers;
}

const std::map<std::string, FakeDevice>& BusyHost::Cards() {
  static const std::map<std::string, FakeDevice> cards = [] {
    std::map<std::string, FakeDevice> all;
    for (const FakeDevice& one :
         {Card("0000:04:00.0", 0x1533, 0x060400, 15), Card("0000:08:00.0", 0x0953, 0x010802, 14),
          Card("0000:09:00.0", 0x10c9, 0xff0000, 15), Card("0000:09:00.1", 0x10c9, 0xff0000, 15),
          Card("0000:0b:00.1", 0x10ca, 0xff0000, 20)})
      all[one.bdf] = one;
    all["0000:0b:00.1"].physfn = "0000:0b:00.0";
    return all;
  }();
  return cards;
}

void BusyHost::PutOverride(const std::string& bdf, const std::string& driver) {
  overrides_.insert({bdf, driver});
  Put(kDevices + bdf + "/driver_override", driver);
}

void BusyHost::BindTo(const std::string& bdf, const std::string& driver) {
  Unbind(bdf);
  Put(kDrivers + driver + "/bind", bdf);
}

void BusyHost::Unbind(const std::string& bdf) {
  if (const auto driver = tree_.DriverOf(bdf)) Put(kDrivers + *driver + "/unbind", bdf);
}

void BusyHost::ClearOverride(const std::string& bdf) {
  Put(kDevices + bdf + "/driver_override", "\n");
}

void BusyHost::SetOverride(const std::string& bdf) { PutOverride(bdf, "pci-stub"); }

// As libvirt does.
void BusyHost::Reattach(const std::string& bdf) {
  Put(kDevices + bdf + "/driver_override", "\n");
  Unbind(bdf);
  Put("/sys/bus/pci/drivers_probe", bdf);
}

void BusyHost::TakeWithDriverctl(const std::string& bdf) {
  tree_.AddFile("/etc/driverctl.d/pci-" + bdf, "vfio-pci\n");
  PutOverride(bdf, "vfio-pci");
  Unbind(bdf);
  Put("/sys/bus/pci/drivers_probe", bdf);
}

void BusyHost::BindToStub(const std::string& bdf) {
  PutOverride(bdf, "pci-stub");
  BindTo(bdf, "pci-stub");
}

void BusyHost::BindByIds(const std::string& bdf) {
  Put(kDevices + bdf + "/driver_override", "\n");
  BindTo(bdf, kByIds);
}

void BusyHost::TakeOut(const std::string& bdf) {
  Unbind(bdf);
  tree_.Remove("/sys/devices/pci" + bdf.substr(0, 7) + "/" + bdf);
  tree_.Remove(kDevices + bdf);
  tree_.Remove(fmt::format("/sys/kernel/iommu_groups/{}/devices/{}", *Cards().at(bdf).group, bdf));
  cards_.erase(bdf);
}

void BusyHost::PutIn(const std::string& bdf, uint16_t id) {
  FakeDevice card = Cards().at(bdf);
  card.device = id;
  tree_.AddDevice(card);
  cards_[bdf] = id;
  Put("/sys/bus/pci/drivers_probe", bdf);
}

void BusyHost::FindAgain(const std::string& bdf) {
  const auto card = cards_.find(bdf);
  const uint16_t id = card == cards_.end() ? Cards().at(bdf).device : card->second;
  TakeOut(bdf);
  PutIn(bdf, id);
}

void BusyHost::PutAnotherIn(const std::string& bdf) {
  const auto card = cards_.find(bdf);
  const bool was_other = card != cards_.end() && card->second == 0xbeef;
  TakeOut(bdf);
  PutIn(bdf, was_other ? Cards().at(bdf).device : 0xbeef);
}

void BusyHost::UnloadDriver(const std::string&) {
  const auto place = chance_.ConsumeIntegralInRange<size_t>(0, Drivers().size() - 1);
  const std::string driver = Drivers()[place].name;
  for (const auto& [bdf, card] : Cards()) {
    if (tree_.DriverOf(bdf) != driver) continue;
    touched_.insert(bdf);
    Unbind(bdf);
  }
  tree_.Remove(kDrivers + driver);
  tree_.FailProbe(driver, ENODEV);
}

void BusyHost::Load(const std::string& name) {
  for (const Driver& one : Drivers()) {
    std::string module = one.name;
    std::replace(module.begin(), module.end(), '-', '_');
    if ((name != one.name && name != module) || tree_.Exists(kDrivers + one.name)) continue;
    tree_.AddDriver(one.name, one.managed_dma, one.match);
    tree_.FailProbe(one.name, 0);
    for (const auto& [bdf, card] : Cards()) Put(kDrivers + one.name + "/bind", bdf);
  }
}

void BusyHost::LoadDrivers(const std::string&) {
  for (const Driver& one : Drivers()) Load(one.name);
}

void BusyHost::MakeReadOnly(const std::string&) {
  read_only_ = chance_.ConsumeIntegralInRange<size_t>(1, 4);
}

void BusyHost::SwitchAutoprobe(const std::string&) {
  tree_.AddFile(kAutoprobe, chance_.ConsumeBool() ? "1\n" : "0\n");
}

void BusyHost::OpenGroup(const std::string& bdf) {
  tree_.AddFile("/proc/77/comm", "vmm\n");
  tree_.AddLink("/proc/77/fd/9", fmt::format("/dev/vfio/{}", *Cards().at(bdf).group));
}

}  // namespace sysfs
