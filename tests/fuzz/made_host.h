// Whole hosts out of an input: bridges, devices with and without drivers, groups, links, and what
// the host needs of them. Says which devices are in use, so that whoever plans can be judged.
#pragma once

#include <fmt/format.h>

#include <array>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sysfs/assignment/assignment.h"
#include "tests/fuzz/taken.h"
#include "tests/support/fake_tree.h"

namespace test {

struct MadeHost {
  FakeTree tree;
  std::vector<sysfs::PciAddress> devices;
  std::set<sysfs::PciAddress> used;  // by the host, through the driver
  std::set<sysfs::PciAddress> held;  // by a process, through VFIO
  std::vector<sysfs::HostAddress> addresses;
  std::vector<sysfs::HostRoute> routes;

  // Plans on `on`, which is `tree` or a copy of it. Without a journal.
  sysfs::AssignmentHost On(sysfs::Tree& on) const {
    sysfs::AssignmentHost host = {on, sysfs::Journal("/nonexistent", "boot"), {}, {}, {}};
    host.sources.addresses = [this] { return addresses; };
    host.sources.routes = [this] { return routes; };
    host.apply.pause = [](std::chrono::milliseconds) {};
    return host;
  }
};

template <class Input>
class HostMaker {
 public:
  explicit HostMaker(Input& input) : input_(input) {}

  MadeHost Make() {
    for (const Kind& kind : kKinds) host_.tree.AddDriver(kind.driver, kind.managed, {kind.match});
    host_.tree.AddDriver("igbvf", false, {"8086:10ca"});
    host_.tree.AddDriver("pci-stub", true);
    if (!OneIn(8)) host_.tree.AddDriver("vfio-pci", true);
    if (OneIn(2)) host_.tree.UseVfioCdevs();
    if (!OneIn(8)) host_.tree.AddDirectory("/sys/class/iommu/dmar0");
    if (!OneIn(8)) host_.tree.AddFile("/proc/interrupts", "1: 0 IR-IO-APIC 1-edge i8042\n");
    const auto count = input_.template ConsumeIntegralInRange<unsigned>(1, 5);
    for (unsigned i = 0; i < count; ++i) AddOne(i);
    host_.tree.ForgetWrites();
    return std::move(host_);
  }

 private:
  struct Kind {
    const char* driver;
    const char* match;
    uint16_t vendor;
    uint16_t device;
    uint32_t class_code;
    bool managed = false;
  };
  static constexpr Kind kDrive = {"nvme", "0108", 0x144d, 0xa808, 0x010802};
  static constexpr Kind kCard = {"igb", "8086:10c9", 0x8086, 0x10c9, 0x020000};
  static constexpr Kind kPort = {"pcieport", "060400", 0x1b36, 0x000c, 0x060400, true};
  static constexpr Kind kBridge = {"shpchp", "1b36:000e", 0x1b36, 0x000e, 0x060400};
  static constexpr Kind kUsb = {"xhci_hcd", "0c03", 0x1b36, 0x000d, 0x0c0330};
  static constexpr Kind kDisplay = {"bochs-drm", "0300", 0x1234, 0x1111, 0x030000};
  static constexpr std::array kKinds = {kDrive, kCard, kPort, kBridge, kUsb, kDisplay};

  bool OneIn(unsigned chances) {
    return input_.template ConsumeIntegralInRange<unsigned>(1, chances) == chances;
  }

  void AddOne(unsigned index) {
    const Kind kind = kKinds[input_.template ConsumeIntegralInRange<size_t>(0, kKinds.size() - 1)];
    FakeDevice device = Describe(kind, index);
    host_.tree.AddDevice(device);
    const auto address = *sysfs::PciAddress::Parse(device.bdf);
    const std::string path = "/sys/bus/pci/devices/" + device.bdf;
    if (device.driver == "vfio-pci" || device.driver == "pci-stub" || OneIn(8)) {
      const std::string wanted = device.driver.empty() ? "vfio-pci" : device.driver;
      (void)host_.tree.Write(path + "/driver_override", wanted);
    }
    if (OneIn(4)) host_.tree.AddFile(path + "/power/control", OneIn(2) ? "auto\n" : "on\n");
    if (OneIn(8)) host_.tree.AddFile(path + "/reset_method", OneIn(2) ? "flr bus\n" : "\n");
    host_.devices.push_back(address);
    AddUse(kind, device, address, index);
    if (device.totalvfs && device.driver == kind.driver && OneIn(2)) AddFunction(device, address);
  }

  FakeDevice Describe(const Kind& kind, unsigned index) {
    FakeDevice device = {.vendor = kind.vendor,
                         .device = kind.device,
                         .class_code = kind.class_code,
                         .numa_node = OneIn(2) ? 0 : -1};
    // The next function of the card before, or a card of its own.
    if (index == 0 || OneIn(2)) ++bus_, function_ = 0;
    device.bdf = fmt::format("0000:{:02x}:00.{}", bus_, function_++);
    if (!bridges_.empty() && OneIn(2)) device.parent = bridges_.back();
    if (kind.class_code >> 16 == 0x06) bridges_.push_back(device.bdf);
    if (!OneIn(8)) {
      if (!OneIn(3) || group_ == 0) ++group_;
      device.group = group_;
    }
    if (!OneIn(4)) device.driver = kind.driver;
    const bool may_have_vfio = kind.class_code >> 16 != 0x06 && device.group &&
                               host_.tree.Exists("/sys/bus/pci/drivers/vfio-pci");
    if (OneIn(4)) device.driver = may_have_vfio && OneIn(2) ? "vfio-pci" : "pci-stub";
    if (kind.device == kCard.device && OneIn(2)) device.totalvfs = 7;
    return device;
  }

  // A virtual function; its physical one may keep its driver from probing it.
  void AddFunction(const FakeDevice& card, const sysfs::PciAddress& physical) {
    FakeDevice device = {.vendor = 0x8086, .device = 0x10ca, .class_code = 0x020000};
    device.bdf = card.bdf.substr(0, 8) + fmt::format("10.{}", host_.devices.size() % 8);
    device.group = ++group_;
    device.physfn = card.bdf;
    const bool probes = OneIn(2);
    if (OneIn(2)) device.driver = "igbvf";
    host_.tree.AddDevice(device);
    host_.tree.AddFile("/sys/bus/pci/devices/" + card.bdf + "/sriov_drivers_autoprobe",
                       probes ? "1\n" : "0\n");
    const auto address = *sysfs::PciAddress::Parse(device.bdf);
    host_.devices.push_back(address);
    host_.used.insert(physical);
    if (!device.driver.empty()) AddInterface(device.bdf, "vf" + device.bdf.substr(11), address);
  }

  void AddUse(const Kind& kind, const FakeDevice& device, const sysfs::PciAddress& address,
              unsigned index) {
    if (device.driver == "vfio-pci" && OneIn(2)) {
      const std::string process = fmt::format("/proc/{}", 70 + index);
      host_.tree.AddFile(process + "/comm", "vmm\n");
      host_.tree.AddLink(process + "/fd/3", fmt::format("/dev/vfio/{}", *device.group));
      host_.held.insert(address);
    }
    if (device.driver == kDrive.driver) AddDisk(device.bdf, address, index);
    if (device.driver == kCard.driver) AddInterface(device.bdf, fmt::format("e{}", index), address);
    if (kind.device == kDisplay.device && OneIn(2))
      host_.tree.AddFile("/sys/bus/pci/devices/" + device.bdf + "/boot_vga", "1\n");
    if (OneIn(8)) {
      host_.tree.AddFile("/etc/driverctl.d/pci-" + device.bdf, "vfio-pci\n");
      host_.used.insert(address);
    }
  }

  void AddDisk(const std::string& bdf, const sysfs::PciAddress& address, unsigned index) {
    const std::string name = fmt::format("nvme{}n1", index);
    const std::string place =
        fmt::format("/sys/bus/pci/devices/{}/nvme/nvme{}/{}", bdf, index, name);
    const std::string number = fmt::format("259:{}", index);
    host_.tree.AddFile(place + "/dev", number + "\n");
    host_.tree.AddDirectory(place + "/holders");
    host_.tree.AddLink("/sys/class/block/" + name, place);
    switch (input_.template ConsumeIntegralInRange<int>(0, 3)) {
      case 0:
        mounts_ += fmt::format("36 35 {} / /m{} rw - ext4 /dev/{} rw\n", number, index, name);
        host_.tree.AddFile("/proc/self/mountinfo", mounts_);
        break;
      case 1:
        swaps_ += fmt::format("/dev/{} partition 1 0 -2\n", name);
        host_.tree.AddFile("/proc/swaps", "Filename Type\n" + swaps_);
        break;
      case 2:
        host_.tree.AddDirectory(place + "/holders/dm-0");
        break;
      default:
        return;
    }
    host_.used.insert(address);
  }

  // Without one its driver has given it to another network namespace.
  void AddInterface(const std::string& bdf, const std::string& name,
                    const sysfs::PciAddress& address) {
    const auto what = input_.template ConsumeIntegralInRange<int>(0, 3);
    if (what > 0) {
      const std::string place = "/sys/bus/pci/devices/" + bdf + "/net/" + name;
      host_.tree.AddDirectory(place);
      host_.tree.AddLink("/sys/class/net/" + name, place);
    }
    if (what == 1) host_.addresses.push_back({name, "192.0.2.1", false, 24});
    if (what == 2) host_.routes.push_back({name, "default", 254});
    if (what < 3) host_.used.insert(address);
  }

  Input& input_;
  MadeHost host_;
  std::vector<std::string> bridges_;
  std::string mounts_;
  std::string swaps_;
  unsigned bus_ = 7;
  unsigned function_ = 0;
  unsigned group_ = 0;
};

}  // namespace test
