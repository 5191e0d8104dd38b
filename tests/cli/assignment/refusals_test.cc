// Every reason to refuse a change, in one table: the exit status and the words of the refusal, and
// that nothing was written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sysfs/assignment/host_lock.h"
#include "tests/support/assignment_world.h"

namespace cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using World = test::AssignmentWorld;

struct Refusal {
  const char* name;
  int status;
  std::vector<std::string> words;
  const char* says;
  void (*prepare)(World& world) = [](World&) {};
  bool is_locked = false;  // by another run
  bool is_busy = false;    // a write of a killed run is under way
};

void Hold(World& world) {
  world.tree().AddFile("/proc/77/comm", "vmm\n");
  world.tree().AddLink("/proc/77/fd/9", "/dev/vfio/14");
}
void Assign(World& world) {
  ASSERT_EQ(world.Run({"bind", "08:00.0"}), 0);
  Hold(world);
}
void EnableFunctions(World& world) {
  world.tree().AddDevice({.bdf = "0000:0b:00.0", .driver = "nvme", .group = 20, .totalvfs = 4});
  world.tree().AddFile("/sys/bus/pci/devices/0000:0b:00.0/reset", "");
  world.tree().AddDevice({.bdf = "0000:0b:00.1", .group = 21, .physfn = "0000:0b:00.0"});
}
void AddBridge(World& world) {
  world.tree().AddDevice({.bdf = "0000:00:1c.0", .class_code = 0x060400, .group = 1});
}
void AddGroupless(World& world) { world.tree().AddDevice({.bdf = "0000:0a:00.0"}); }
void Mount(World& world) {
  const std::string place = "/sys/bus/pci/devices/0000:08:00.0/nvme/nvme0/nvme0n1";
  world.tree().AddFile(place + "/dev", "259:0\n");
  world.tree().AddDirectory(place + "/holders");
  world.tree().AddLink("/sys/class/block/nvme0n1", place);
  world.tree().AddFile("/proc/self/mountinfo", "21 1 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n");
}
void Manage(World& world) { world.tree().AddFile("/etc/driverctl.d/pci-0000:08:00.0", "x"); }
void AnotherCard(World& world) {
  ASSERT_EQ(world.Run({"bind", "08:00.0"}), 0);
  auto record = world.journal().Find({0, 8, 0, 0}).value().value();
  record.device = 0x1234;
  ASSERT_TRUE(world.journal().Store(record));
}

class Refusals : public testing::TestWithParam<Refusal> {};

TEST_P(Refusals, ComesBeforeAnyWrite) {
  const Refusal& refusal = GetParam();
  World world;
  refusal.prepare(world);
  ASSERT_TRUE(world.journal().Prepare());
  std::vector<base::Result<sysfs::FileLock>> locks;
  if (refusal.is_locked)
    locks.push_back(sysfs::TakeHostLock(world.journal().folder(), std::chrono::milliseconds(0)));
  if (refusal.is_busy)
    locks.push_back(sysfs::FileLock::Take(world.journal().LockPath({0, 8, 0, 0}),
                                          std::chrono::milliseconds(0), base::Code::kLocked));
  const auto records = world.journal().List().value();
  world.tree().ForgetWrites();
  EXPECT_EQ(world.Run(refusal.words), refusal.status) << world.err();
  EXPECT_THAT(world.err(), HasSubstr(refusal.says));
  EXPECT_THAT(world.tree().writes(), IsEmpty());
  EXPECT_EQ(world.journal().List().value(), records);
}

std::vector<Refusal> All() {
  return {
      {"bind_nothing", 2, {"bind"}, "DEV"},
      {"bind_nonsense", 2, {"bind", "zz:00.0"}, "zz:00.0"},
      {"bind_twice", 2, {"bind", "08:00.0", "0000:08:00.0"}, "twice"},
      {"bind_no_driver_name", 2, {"bind", "08:00.0", "--driver", "../x"}, "not a driver's name"},
      {"bind_bare_force", 2, {"bind", "08:00.0", "--force"}, "mounted"},
      {"bind_unknown_reason", 2, {"bind", "08:00.0", "--force=x"}, "no such reason"},
      {"bind_no_time", 2, {"bind", "08:00.0", "--timeout", "0"}, "not from 1"},
      {"bind_absent", 3, {"bind", "1f:00.0"}, "1f:00.0"},
      {"bind_mounted", 4, {"bind", "08:00.0"}, "/data", Mount},
      {"bind_mounted_named_wrongly", 4, {"bind", "08:00.0", "--force=netdev"}, "/data", Mount},
      {"bind_managed", 4, {"bind", "08:00.0"}, "driverctl", Manage},
      {"bind_held", 4, {"bind", "08:00.0"}, "pid 77 (vmm)", Assign},
      {"bind_held_by_force", 4, {"bind", "08:00.0", "--force=assigned"}, "pid 77 (vmm)", Assign},
      {"bind_with_functions", 4, {"bind", "0b:00.0"}, "1 virtual function", EnableFunctions},
      {"bind_bridge", 5, {"bind", "00:1c.0"}, "bridge", AddBridge},
      {"bind_no_group", 5, {"bind", "0a:00.0"}, "IOMMU group", AddGroupless},
      {"bind_half_a_group", 5, {"bind", "09:00.0"}, "0000:09:00.1 (igb)"},
      {"bind_half_a_group_by_force", 5, {"bind", "09:00.0", "--force=mounted"}, "09:00.1"},
      {"bind_no_such_driver", 12, {"bind", "08:00.0", "--driver", "uio"}, "modprobe uio"},
      {"bind_locked", 9, {"bind", "08:00.0"}, "another", [](World&) {}, true},
      {"bind_behind_a_write", 8, {"bind", "08:00.0"}, "under way", [](World&) {}, false, true},
      {"bind_another_card", 2, {"bind", "08:00.0"}, "another card", AnotherCard},
      {"restore_nothing", 2, {"restore"}, "--all"},
      {"restore_both", 2, {"restore", "--all", "08:00.0"}, "--all"},
      {"restore_absent", 3, {"restore", "1f:00.0"}, "1f:00.0"},
      {"restore_held", 4, {"restore", "08:00.0"}, "--force=assigned", Assign},
      {"restore_other_reason", 2, {"restore", "08:00.0", "--force=mounted"}, "assigned", Assign},
      {"restore_locked", 9, {"restore", "08:00.0"}, "another", [](World&) {}, true},
      {"restore_behind_a_write",
       8,
       {"restore", "08:00.0"},
       "under way",
       [](World&) {},
       false,
       true},
      {"restore_another_card", 2, {"restore", "08:00.0"}, "another card", AnotherCard},
      {"reset_absent", 3, {"reset", "1f:00.0"}, "1f:00.0"},
      {"reset_bridge", 5, {"reset", "00:1c.0"}, "bridge", AddBridge},
      {"reset_no_way", 12, {"reset", "08:00.0"}, "no way to reset"},
      {"reset_with_functions", 4, {"reset", "0b:00.0"}, "virtual functions", EnableFunctions},
      {"with_no_command", 2, {"with", "08:00.0"}, "command"},
  };
}

INSTANTIATE_TEST_SUITE_P(All, Refusals, testing::ValuesIn(All()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace cli
