// A sysfs whose files hold anything: reading, judging and planning end, and no plan leaves the PCI
// bus.
#include <array>
#include <string>

#include "sysfs/assignment/assignment.h"
#include "sysfs/assignment/group.h"
#include "sysfs/identity.h"
#include "tests/fuzz/input.h"
#include "tests/support/fake_tree.h"

namespace {

constexpr std::array kDevices = {"0000:08:00.0", "0000:09:00.0", "0000:09:00.1"};
constexpr std::array kNames = {"vendor",
                               "device",
                               "class",
                               "driver_override",
                               "sriov_numvfs",
                               "uevent",
                               "modalias",
                               "numa_node",
                               "sriov_totalvfs",
                               "resource",
                               "config",
                               "physfn",
                               "driver",
                               "iommu_group",
                               "net/eth0/address",
                               "virtfn0",
                               "nvme/nvme0",
                               "revision",
                               "sriov_drivers_autoprobe",
                               "power/control",
                               "reset_method",
                               "subsystem_vendor"};

test::FakeTree Build() {
  test::FakeTree tree;
  tree.AddDriver("nvme", false, {"0108"});
  tree.AddDriver("igb", false, {"8086:10c9"});
  tree.AddDriver("vfio-pci", true);
  tree.AddDevice({.driver = "nvme", .group = 14});
  for (const char* bdf : {"0000:09:00.0", "0000:09:00.1"}) {
    tree.AddDevice({.bdf = bdf,
                    .vendor = 0x8086,
                    .device = 0x10c9,
                    .class_code = 0x020000,
                    .driver = "igb",
                    .group = 15});
  }
  return tree;
}

std::string TakePath(test::Input& input) {
  return std::string("/sys/bus/pci/devices/") + input.PickValueInArray(kDevices) + "/" +
         input.PickValueInArray(kNames);
}

void Spoil(test::FakeTree& tree, test::Input& input) {
  const std::string path = TakePath(input);
  switch (input.ConsumeIntegralInRange<int>(0, 4)) {
    case 0:
      tree.Remove(path);
      break;
    case 1:
      tree.AddLink(path, TakePath(input));
      break;
    case 2:
      tree.AddLink(path, input.ConsumeRandomLengthString(40));
      break;
    default:
      tree.AddFile(path, input.ConsumeRandomLengthString(60));
  }
}

void CheckWrite(const sysfs::Write& write) {
  test::Check(write.path.starts_with("/sys/bus/pci/"), "a plan writes to the PCI bus alone");
  test::Check(write.path.find("/../") == std::string::npos, "a plan stays where it is");
}

void CheckPlan(const sysfs::AssignmentPlan& plan) {
  for (const sysfs::Change& change : plan.changes) {
    CheckWrite(change.write);
    for (const sysfs::Write& undo : change.undo) CheckWrite(undo);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  test::Input input(data, size);
  static const test::FakeTree made = Build();
  test::FakeTree tree = made;
  const auto spoiled = input.ConsumeIntegralInRange<int>(0, 12);
  for (int i = 0; i < spoiled; ++i) Spoil(tree, input);
  const sysfs::AssignmentHost host = {tree, sysfs::Journal("/nonexistent", "boot"), {}, {}, {}};
  for (const char* bdf : kDevices) {
    const auto address = *sysfs::PciAddress::Parse(bdf);
    if (const auto device = sysfs::ReadDevice(tree, address)) {
      const auto path = sysfs::ReadIdentity(tree, *device).path;
      test::Check(sysfs::ParsePciPath(path).has_value(), "a device's path is one");
    }
    if (const auto plan = sysfs::PlanBinding(host, {{address}})) CheckPlan(*plan);
    if (const auto plan = sysfs::PlanRestoring(host, address)) CheckPlan(*plan);
    if (const auto plans = sysfs::PlanGroupBinding(host, {{address}}))
      for (const sysfs::AssignmentPlan& plan : *plans) CheckPlan(plan);
  }
  return 0;
}
