// The part of test::FakeTree that plays the kernel's driver core and PCI core.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "sysfs/base/text.h"
#include "tests/support/fake_tree.h"

namespace test {
namespace {

constexpr std::string_view kBus = "/sys/bus/pci";

std::string GroupPath(unsigned id) { return fmt::format("/sys/kernel/iommu_groups/{}", id); }
std::string DriverPath(const std::string& name) { return fmt::format("{}/drivers/{}", kBus, name); }

// Text of the write without its newline, as the kernel takes it.
std::string Line(const std::string& value) { return value.substr(0, value.find('\n')); }

}  // namespace

void FakeTree::AddGroup(unsigned id, const std::string& type) {
  const std::string path = GroupPath(id);
  AddDirectory(path + "/devices");
  AddFile(path + "/type", type + "\n");
  AddFile(path + "/reserved_regions", "0x00000000fee00000 0x00000000feefffff msi\n");
}

void FakeTree::AddDriver(const std::string& name, bool managed_dma,
                         std::vector<std::string> match) {
  const bool is_vfio = managed_dma && name != "pci-stub" && name != "pcieport";
  std::string module = name;
  std::replace(module.begin(), module.end(), '-', '_');
  AddFile(DriverPath(name) + "/bind", "");
  AddFile(DriverPath(name) + "/unbind", "");
  AddDirectory("/sys/module/" + module);
  AddLink(DriverPath(name) + "/module", "../../../../module/" + module);
  AddLink(fmt::format("/sys/module/{}/drivers/pci:{}", module, name), DriverPath(name));
  if (is_vfio) AddLink("/sys/module/vfio_pci_core/holders/" + module, "../../" + module);
  drivers_[name] = {managed_dma, is_vfio, std::move(match)};
  driver_order_.push_back(name);
}

void FakeTree::AddDevice(const FakeDevice& device) {
  State state{device, "", "", ""};
  const auto above = devices_.find(device.parent);
  state.path = (above == devices_.end() ? "/sys/devices/pci" + device.bdf.substr(0, 7)
                                        : above->second.path) +
               "/" + device.bdf;
  AddDirectory(state.path);
  AddLink(fmt::format("{}/devices/{}", kBus, device.bdf), state.path);
  AddFile(state.path + "/numa_node", fmt::format("{}\n", device.numa_node));
  AddFile(state.path + "/vendor", fmt::format("0x{:04x}\n", device.vendor));
  AddFile(state.path + "/device", fmt::format("0x{:04x}\n", device.device));
  AddFile(state.path + "/class", fmt::format("0x{:06x}\n", device.class_code));
  AddFile(state.path + "/revision", fmt::format("0x{:02x}\n", device.revision));
  AddFile(state.path + "/modalias", "");
  AddFile(state.path + "/power/control", "on\n");
  if (device.group) {
    if (!Exists(GroupPath(*device.group))) AddGroup(*device.group);
    AddLink(state.path + "/iommu_group", GroupPath(*device.group));
    AddLink(GroupPath(*device.group) + "/devices/" + device.bdf, state.path);
  }
  if (device.totalvfs) {
    AddFile(state.path + "/sriov_totalvfs", fmt::format("{}\n", *device.totalvfs));
    AddFile(state.path + "/sriov_numvfs", "0\n");
    AddFile(state.path + "/sriov_drivers_autoprobe", "1\n");
  }
  if (const auto pf = devices_.find(device.physfn); pf != devices_.end()) {
    AddLink(state.path + "/physfn", pf->second.path);
    unsigned index = 0;
    while (Find(fmt::format("{}/virtfn{}", pf->second.path, index)) != nullptr) ++index;
    AddLink(fmt::format("{}/virtfn{}", pf->second.path, index), state.path);
    AddFile(pf->second.path + "/sriov_numvfs", fmt::format("{}\n", index + 1));
  }
  State& added = devices_[device.bdf] = state;
  UpdateAttributes(added);
  if (!device.driver.empty()) ShowBound(added, device.driver);
}

// The attributes that follow the device's state.
void FakeTree::UpdateAttributes(const State& state) {
  const FakeDevice& device = state.description;
  const std::string modalias =
      fmt::format("pci:v{:08X}d{:08X}sv{:08X}sd{:08X}bc{:02X}sc{:02X}i{:02X}", device.vendor,
                  device.device, device.subsystem_vendor, device.subsystem_device,
                  device.class_code >> 16, device.class_code >> 8 & 0xff, device.class_code & 0xff);
  AddFile(state.path + "/modalias", modalias + "\n");
  const std::string driver = state.driver.empty() ? "" : "DRIVER=" + state.driver + "\n";
  AddFile(state.path + "/uevent",
          fmt::format("{}PCI_CLASS={:X}\nPCI_ID={:04X}:{:04X}\nPCI_SUBSYS_ID={:04X}:{:04X}\n"
                      "PCI_SLOT_NAME={}\nMODALIAS={}\n",
                      driver, device.class_code, device.vendor, device.device,
                      device.subsystem_vendor, device.subsystem_device, device.bdf, modalias));
  AddFile(state.path + "/driver_override", (state.wanted.empty() ? "(null)" : state.wanted) + "\n");
}

FakeTree::State* FakeTree::FindState(const std::string& bdf) {
  const auto found = devices_.find(bdf);
  const bool exists = found != devices_.end() && nodes_.contains(found->second.path);
  return exists ? &found->second : nullptr;
}

std::optional<std::string> FakeTree::DriverOf(const std::string& bdf) const {
  const auto found = devices_.find(bdf);
  if (found == devices_.end() || found->second.driver.empty()) return std::nullopt;
  return found->second.driver;
}

std::optional<std::string> FakeTree::OverrideOf(const std::string& bdf) const {
  const auto found = devices_.find(bdf);
  if (found == devices_.end() || found->second.wanted.empty()) return std::nullopt;
  return found->second.wanted;
}

std::string FakeTree::PowerOf(const std::string& bdf) const {
  return Read(fmt::format("{}/devices/{}/power/control", kBus, bdf)).value_or("");
}

int FakeTree::React(const std::string& path, const std::string& value) {
  if (value.empty()) return 0;  // sysfs does not call the driver for an empty write
  const std::string name(base::LastComponent(path));
  const std::string directory = path.substr(0, path.size() - name.size() - 1);
  if (path == std::string(kBus) + "/drivers_probe") {
    State* state = FindState(Line(value));
    return state == nullptr ? ENODEV : Probe(*state);
  }
  if (directory.starts_with(std::string(kBus) + "/drivers/")) {
    State* state = FindState(Line(value));
    const std::string driver(base::LastComponent(directory));
    if (name == "bind") return state == nullptr ? ENODEV : Bind(driver, *state);
    if (name == "unbind") return state == nullptr ? ENODEV : Unbind(driver, *state);
  }
  State* state = FindState(std::string(base::LastComponent(directory)));
  if (state != nullptr && name == "driver_override") {
    state->wanted = Line(value);
    UpdateAttributes(*state);
    return 0;
  }
  nodes_.at(path).content = value;
  return 0;
}

// pci_match_device(): with an override only the driver of that name, whatever its ids.
bool FakeTree::Matches(const std::string& name, const Driver& driver, const State& state) const {
  if (!state.wanted.empty()) return state.wanted == name;
  const FakeDevice& device = state.description;
  const std::string ids = fmt::format("{:04x}:{:04x}", device.vendor, device.device);
  const std::string class_code = fmt::format("{:06x}", device.class_code);
  return std::any_of(driver.match.begin(), driver.match.end(), [&](const std::string& pattern) {
    return pattern == ids || class_code.starts_with(pattern);
  });
}

// pci_device_can_probe(): a virtual function needs its parent's autoprobe or an override.
bool FakeTree::MayProbe(const State& state) const {
  const auto pf = devices_.find(state.description.physfn);
  if (pf == devices_.end() || !state.wanted.empty()) return true;
  const Node* autoprobe = Find(pf->second.path + "/sriov_drivers_autoprobe");
  return autoprobe == nullptr || !autoprobe->content.starts_with('0');
}

int FakeTree::CheckVfio(const State& state) const {
  const bool is_bridge = state.description.class_code >> 16 == 0x06;
  if (is_bridge || !state.description.group) return EINVAL;
  const Node* count = Find(state.path + "/sriov_numvfs");
  return count != nullptr && !count->content.starts_with('0') ? EBUSY : 0;
}

int FakeTree::Bind(const std::string& driver, State& state) {
  const auto found = drivers_.find(driver);
  if (found == drivers_.end() || !Matches(driver, found->second, state)) return ENODEV;
  if (!state.driver.empty()) return EBUSY;
  if (!MayProbe(state)) return ENODEV;
  if (const auto failing = probe_errors_.find(driver);
      failing != probe_errors_.end() && failing->second != 0)
    return failing->second;
  if (found->second.is_vfio) {
    if (const int err = CheckVfio(state); err != 0) return err;
  }
  ShowBound(state, driver);
  return 0;
}

int FakeTree::Unbind(const std::string& driver, State& state) {
  if (state.driver != driver) return ENODEV;
  ShowUnbound(state);
  return 0;
}

// Success whether a driver takes the device or none does.
int FakeTree::Probe(State& state) {
  if (!state.driver.empty()) return 0;
  for (const std::string& driver : driver_order_) {
    if (Bind(driver, state) == 0) break;
  }
  return 0;
}

void FakeTree::ShowBound(State& state, const std::string& driver) {
  state.driver = driver;
  AddLink(state.path + "/driver", DriverPath(driver));
  AddLink(DriverPath(driver) + "/" + state.description.bdf, state.path);
  UpdateAttributes(state);
  UpdateVfioNodes(state, true);
  UpdatePower(state, true);
}

void FakeTree::ShowUnbound(State& state) {
  Remove(state.path + "/driver");
  Remove(DriverPath(state.driver) + "/" + state.description.bdf);
  UpdateVfioNodes(state, false);
  UpdatePower(state, false);
  state.driver.clear();
  UpdateAttributes(state);
}

// vfio-pci lets its devices sleep, and forbids it when they go.
void FakeTree::UpdatePower(const State& state, bool bound) {
  const auto driver = drivers_.find(state.driver);
  if (driver != drivers_.end() && driver->second.is_vfio)
    AddFile(state.path + "/power/control", bound ? "auto\n" : "on\n");
}

// The group's node lives as long as a member is bound to a VFIO driver.
void FakeTree::UpdateVfioNodes(const State& state, bool bound) {
  const auto driver = drivers_.find(state.driver);
  if (driver == drivers_.end() || !driver->second.is_vfio || !state.description.group) return;
  const unsigned group = *state.description.group;
  const bool is_shared = std::any_of(devices_.begin(), devices_.end(), [&](const auto& entry) {
    const auto other = drivers_.find(entry.second.driver);
    return entry.first != state.description.bdf && entry.second.description.group == group &&
           other != drivers_.end() && other->second.is_vfio;
  });
  const auto position = devices_.find(state.description.bdf);
  const auto place = std::distance(devices_.begin(), position);
  const std::string cdev = fmt::format("vfio{}", place);
  const std::string number = fmt::format("/sys/dev/char/510:{}", place);
  if (bound) {
    AddFile(fmt::format("/dev/vfio/{}", group), "");
    if (vfio_cdevs_) AddDirectory(state.path + "/vfio-dev/" + cdev);
    if (vfio_cdevs_) AddLink(number, state.path + "/vfio-dev/" + cdev);
    if (vfio_cdevs_) AddFile("/dev/vfio/devices/" + cdev, "");
  } else {
    if (!is_shared) Remove(fmt::format("/dev/vfio/{}", group));
    Remove(state.path + "/vfio-dev");
    Remove("/dev/vfio/devices/" + cdev);
    Remove(number);
  }
}

}  // namespace test
