// A host in memory with a journal in a folder of its own, for what changes drivers.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sysfs/assignment/assignment.h"
#include "tests/support/fake_tree.h"
#include "tests/support/temp_folder.h"

namespace test {

// What must be as before: driver, override and power control of every device.
using Digest =
    std::vector<std::tuple<std::optional<std::string>, std::optional<std::string>, std::string>>;

// A host with a drive alone in its group, two functions that share one and a virtual function whose
// physical function does not probe.
class HostWorld {
 public:
  HostWorld() {
    tree_.AddDriver("nvme", false, {"0108"});
    tree_.AddDriver("igb", false, {"8086:10c9"});
    tree_.AddDriver("igbvf");
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDevice({.driver = "nvme", .group = 14});
    for (const char* bdf : {"0000:09:00.0", "0000:09:00.1"}) {
      tree_.AddDevice({.bdf = bdf,
                       .vendor = 0x8086,
                       .device = 0x10c9,
                       .class_code = 0xff0000,
                       .driver = "igb",
                       .group = 15});
    }
    tree_.AddFile("/sys/bus/pci/devices/0000:09:00.1/power/control", "auto\n");
  }

  sysfs::AssignmentHost Host(sysfs::Tree& tree) {
    sysfs::AssignmentHost host = {tree, sysfs::Journal(folder_.path(), "boot-1"), {}, {}, {}};
    host.lock_patience = std::chrono::milliseconds(0);
    host.in_process_writes = true;
    host.apply.pause = [](std::chrono::milliseconds) {};
    return host;
  }
  sysfs::AssignmentHost Host() { return Host(tree_); }

  Digest State() const {
    Digest digest;
    for (const char* bdf : {"0000:08:00.0", "0000:09:00.0", "0000:09:00.1"}) {
      digest.emplace_back(tree_.DriverOf(bdf), tree_.OverrideOf(bdf), tree_.PowerOf(bdf));
    }
    return digest;
  }

  FakeTree& tree() { return tree_; }
  const std::string& folder() const { return folder_.path(); }
  std::vector<sysfs::PciAddress> Records() {
    return Host().journal.List().value_or(std::vector<sysfs::PciAddress>());
  }

 private:
  FakeTree tree_;
  TempFolder folder_;
};

}  // namespace test
