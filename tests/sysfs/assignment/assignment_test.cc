#include "sysfs/assignment/assignment.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "sysfs/assignment/host_lock.h"
#include "tests/support/host_world.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_proxy.h"

namespace sysfs {
namespace {

using base::Code;
using std::chrono::milliseconds;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;

const PciAddress kDrive{0, 8, 0, 0};
const PciAddress kFirst{0, 9, 0, 0};
const PciAddress kSecond{0, 9, 0, 1};

using test::Digest;
using World = test::HostWorld;

class Assignment : public testing::Test {
 protected:
  base::Result<std::vector<AssignmentResult>> Bind(const BindRequest& request) {
    AssignmentHost host = world_.Host();
    return sysfs::Bind(host, request);
  }
  base::Result<AssignmentResult> Restore(const PciAddress& address) {
    AssignmentHost host = world_.Host();
    return sysfs::Restore(host, address);
  }
  std::optional<Record> Find(const PciAddress& address) {
    return world_.Host().journal.Find(address).value_or(std::nullopt);
  }

  World world_;
};

TEST_F(Assignment, RefusesBadRequestsBeforeAnything) {
  const Digest before = world_.State();
  EXPECT_THAT(Bind({.devices = {{0, 7, 0, 0}}}), FailsWith(Code::kNotFound));
  EXPECT_THAT(Bind({.devices = {kDrive, kDrive}}), FailsWith(Code::kUsage, HasSubstr("twice")));
  EXPECT_THAT(Bind({.devices = {kDrive}, .driver = "../nvme"}), FailsWith(Code::kUsage));
  EXPECT_THAT(Bind({.devices = {kDrive}, .driver = ""}), FailsWith(Code::kUsage));
  EXPECT_THAT(Bind({.devices = {kFirst}}),
              FailsWith(Code::kUnfit, HasSubstr("0000:09:00.1 (igb)")));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
  EXPECT_THAT(world_.Records(), IsEmpty());
  EXPECT_EQ(world_.State(), before);
}

TEST_F(Assignment, UnknownDriverSaysWhichModuleIsMissing) {
  const auto result = Bind({.devices = {kDrive}, .driver = "uio_pci_generic"});
  ASSERT_THAT(result, FailsWith(Code::kUnsupported));
  EXPECT_EQ(result.error().hint(), "modprobe uio_pci_generic");
  EXPECT_THAT(world_.Records(), IsEmpty());
}

TEST_F(Assignment, AbsentModuleIsNoAbsentDevice) {
  AssignmentHost host = world_.Host();
  host.load_module = [](const std::string& module) {
    return base::Status(base::Fail(Code::kNotFound, module + ": no such module"));
  };
  EXPECT_THAT(sysfs::Bind(host, {.devices = {kDrive}, .driver = "typo"}), FailsWith(Code::kUsage));
  world_.tree().Remove("/sys/bus/pci/drivers/vfio-pci");
  EXPECT_THAT(sysfs::Bind(host, {.devices = {kDrive}}), FailsWith(Code::kUnsupported));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(Assignment, BindsAndTellsTheEndState) {
  const auto results = Bind({.devices = {kDrive}});
  ASSERT_THAT(results, IsOk());
  ASSERT_EQ(results->size(), 1u);
  EXPECT_EQ(Format(results->front()), "0000:08:00.0 nvme -> vfio-pci, group 14, /dev/vfio/14");
  const auto record = Find(kDrive);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->driver, "nvme");
  EXPECT_EQ(record->module, "nvme");
  EXPECT_EQ(record->driver_override, std::nullopt);
  EXPECT_EQ(record->state, RecordState::kApplied);
}

TEST_F(Assignment, ModuleNameStandsForItsDriver) {
  ASSERT_THAT(Bind({.devices = {kDrive}, .driver = "vfio_pci"}), IsOk());
  EXPECT_EQ(world_.tree().DriverOf("0000:08:00.0"), "vfio-pci");
}

TEST_F(Assignment, SecondBindHasNothingToDo) {
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  world_.tree().ForgetWrites();
  const auto results = Bind({.devices = {kDrive}});
  ASSERT_THAT(results, IsOk());
  EXPECT_THAT(Format(results->front()), HasSubstr("nothing to do"));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
  EXPECT_EQ(Find(kDrive)->driver, "nvme");
}

TEST_F(Assignment, BindToAnotherDriverKeepsTheOriginal) {
  world_.tree().AddDriver("pci-stub", true);
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  ASSERT_THAT(Bind({.devices = {kDrive}, .driver = "pci-stub"}), IsOk());
  EXPECT_EQ(Find(kDrive)->driver, "nvme");
  EXPECT_EQ(Find(kDrive)->wanted, "pci-stub");
  ASSERT_THAT(Restore(kDrive), IsOk());
  EXPECT_EQ(world_.tree().DriverOf("0000:08:00.0"), "nvme");
}

TEST_F(Assignment, GroupMovesTogether) {
  ASSERT_THAT(Bind({.devices = {kFirst, kSecond}}), IsOk());
  EXPECT_EQ(world_.tree().DriverOf("0000:09:00.1"), "vfio-pci");
  EXPECT_THAT(world_.Records(), ElementsAre(kFirst, kSecond));
}

TEST_F(Assignment, ForcedGroupBindsOne) {
  EXPECT_THAT(Bind({.devices = {kFirst}, .force = {ForceReason::kGroup}}), IsOk());
}

TEST_F(Assignment, DeviceInUseIsRefused) {
  world_.tree().AddFile("/etc/driverctl.d/pci-0000:08:00.0", "x");
  EXPECT_THAT(Bind({.devices = {kDrive}}), FailsWith(Code::kInUse));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
  EXPECT_THAT(Bind({.devices = {kDrive}, .force = {ForceReason::kForeign}}), IsOk());
}

// A use that is there refuses, whatever the driver: several kinds of it on a device that has one
// and on one that has none.
TEST_F(Assignment, AUseIsFoundWithOrWithoutADriver) {
  const std::vector<std::function<void(test::FakeTree&)>> uses = {
      [](test::FakeTree& tree) { tree.AddFile("/etc/driverctl.d/pci-0000:08:00.0", "x"); },
      [](test::FakeTree& tree) {
        tree.AddFile("/run/libvirt/qemu/lab.xml",
                     "<source><address domain='0x0000' bus='0x08' slot='0x00' function='0x0'/>"
                     "</source>");
      },
      [](test::FakeTree& tree) {
        tree.AddFile("/dev/lab0", "");
        tree.AddLink("/sys/dev/char/240:0", "../../devices/pci0000:08/0000:08:00.0/lab/lab0");
        tree.AddFile("/sys/devices/pci0000:08/0000:08:00.0/lab/lab0/uevent", "DEVNAME=lab0\n");
        tree.AddFile("/proc/77/comm", "user\n");
        tree.AddLink("/proc/77/fd/9", "/dev/lab0");
      },
      [](test::FakeTree& tree) {
        tree.AddLink("/sys/class/graphics/fb0",
                     "../../devices/pci0000:08/0000:08:00.0/graphics/fb0");
        tree.AddFile("/sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
        tree.AddFile("/sys/class/vtconsole/vtcon1/bind", "1\n");
      },
      [](test::FakeTree& tree) {
        tree.AddLink("/sys/class/tty/ttyS4", "../../devices/pci0000:08/0000:08:00.0/tty/ttyS4");
        tree.AddFile("/proc/consoles", "ttyS4   -W- (EC p a)    4:68\n");
      }};
  for (size_t i = 0; i < uses.size(); ++i) {
    for (const bool has_driver : {true, false}) {
      World world;
      AssignmentHost host = world.Host();
      if (!has_driver) {
        ASSERT_THAT(world.tree().Write("/sys/bus/pci/drivers/nvme/unbind", "0000:08:00.0"), IsOk());
      }
      EXPECT_THAT(PlanBinding(host, {.devices = {kDrive}}), IsOk()) << i;
      uses[i](world.tree());
      world.tree().ForgetWrites();
      const PciDevice device = *ReadDevice(world.tree(), kDrive);
      ASSERT_FALSE(CheckEvidence(kDrive, FindEvidence(world.tree(), device, {}), ForceSet()))
          << i << ": is a use";
      EXPECT_THAT(sysfs::Bind(host, {.devices = {kDrive}}), FailsWith(Code::kInUse))
          << i << " with a driver: " << has_driver;
      EXPECT_THAT(world.tree().writes(), IsEmpty());
    }
  }
}

// udev has a new disk open while it looks at it.
TEST_F(Assignment, AUseThatPassesIsWaitedFor) {
  world_.tree().AddFile("/etc/driverctl.d/pci-0000:08:00.0", "x");
  AssignmentHost host = world_.Host();
  int waits = 0;
  host.settle = [&] {
    ++waits;
    world_.tree().Remove("/etc/driverctl.d/pci-0000:08:00.0");
  };
  EXPECT_THAT(sysfs::Bind(host, {.devices = {kDrive}}), IsOk());
  EXPECT_EQ(waits, 1);
  EXPECT_THAT(sysfs::Restore(host, kDrive), IsOk());
  EXPECT_EQ(waits, 1) << "nobody uses it: no wait";
}

TEST_F(Assignment, DeviceOfAnotherProcessIsNeitherBoundNorRestored) {
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  world_.tree().AddFile("/proc/77/comm", "vmm\n");
  world_.tree().AddLink("/proc/77/fd/9", "/dev/vfio/14");
  world_.tree().ForgetWrites();
  EXPECT_THAT(Restore(kDrive), FailsWith(Code::kInUse, HasSubstr("pid 77 (vmm)")));
  EXPECT_THAT(Bind({.devices = {kDrive}}), FailsWith(Code::kInUse, HasSubstr("pid 77 (vmm)")));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
  EXPECT_TRUE(Find(kDrive));
}

// The write to `unbind` does not come back: the user is named, and the record is kept.
TEST_F(Assignment, UserThatNeverLetsGoIsNamedAtTheDeadline) {
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  world_.tree().AddFile("/proc/77/comm", "vmm\n");
  world_.tree().AddLink("/proc/77/fd/9", "/dev/vfio/14");
  test::TreeProxy stuck(world_.tree(), [&](const std::string& path, std::string_view value) {
    if (path.ends_with("/unbind")) return base::Status(base::Fail(Code::kTimedOut, "stuck"));
    return world_.tree().Write(path, value);
  });
  AssignmentHost host = world_.Host(stuck);
  const auto result = sysfs::Restore(host, kDrive, ForceSet{ForceReason::kAssigned});
  ASSERT_THAT(result, FailsWith(Code::kTimedOut, HasSubstr("pid 77 (vmm) has not let it go")));
  EXPECT_THAT(result.error().hint(), HasSubstr("vassign restore 0000:08:00.0"));
  ASSERT_TRUE(Find(kDrive));
  EXPECT_EQ(Find(kDrive)->state, RecordState::kRestoring);
  world_.tree().Remove("/proc/77");
  EXPECT_THAT(Restore(kDrive), IsOk());
  EXPECT_EQ(world_.tree().DriverOf("0000:08:00.0"), "nvme");
}

// vfio-pci sets it to auto and then to on, whatever it was.
TEST_F(Assignment, PowerControlComesBack) {
  const std::string path = "/sys/bus/pci/devices/0000:08:00.0/power/control";
  for (const char* word : {"auto", "on"}) {
    ASSERT_THAT(world_.tree().Write(path, word), IsOk());
    ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
    EXPECT_EQ(world_.tree().PowerOf("0000:08:00.0"), "auto");
    EXPECT_EQ(Find(kDrive)->power_control, word);
    ASSERT_THAT(Restore(kDrive), IsOk());
    EXPECT_EQ(world_.tree().PowerOf("0000:08:00.0"), word);
  }
  world_.tree().Remove("/sys/bus/pci/devices/0000:08:00.0/power");
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  EXPECT_EQ(Find(kDrive)->power_control, std::nullopt);
  world_.tree().Remove("/sys/bus/pci/devices/0000:08:00.0/power");
  EXPECT_THAT(Restore(kDrive), IsOk());
}

TEST_F(Assignment, RestoreGivesBackAndForgets) {
  const Digest before = world_.State();
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  const auto result = Restore(kDrive);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(Format(*result), "0000:08:00.0 vfio-pci -> nvme");
  EXPECT_EQ(world_.State(), before);
  EXPECT_THAT(world_.Records(), IsEmpty());
}

TEST_F(Assignment, RestoreKeepsADeviceDriverlessThatWasSo) {
  world_.tree().AddDevice({.bdf = "0000:0a:00.0", .class_code = 0xff0000, .group = 16});
  ASSERT_THAT(Bind({.devices = {{0, 10, 0, 0}}}), IsOk());
  ASSERT_THAT(Restore({0, 10, 0, 0}), IsOk());
  EXPECT_EQ(world_.tree().DriverOf("0000:0a:00.0"), std::nullopt);
  EXPECT_EQ(world_.tree().OverrideOf("0000:0a:00.0"), std::nullopt);
}

TEST_F(Assignment, RestoreWithoutRecordLetsTheKernelChoose) {
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  ASSERT_THAT(world_.Host().journal.Remove(kDrive), IsOk());
  const auto result = Restore(kDrive);
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(Format(*result), AllOf(HasSubstr("vfio-pci -> nvme"), HasSubstr("no record")));
  EXPECT_THAT(Format(*Restore(kDrive)), HasSubstr("nothing to do"));
}

TEST_F(Assignment, RestoreLoadsTheRecordedModule) {
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  world_.tree().Remove("/sys/bus/pci/drivers/nvme");
  AssignmentHost host = world_.Host();
  std::vector<std::string> loaded;
  host.load_module = [&](const std::string& module) {
    loaded.push_back(module);
    world_.tree().AddDriver("nvme", false, {"0108"});
    return base::Status();
  };
  ASSERT_THAT(sysfs::Restore(host, kDrive), IsOk());
  EXPECT_THAT(loaded, ElementsAre("nvme"));
  EXPECT_EQ(world_.tree().DriverOf("0000:08:00.0"), "nvme");
}

TEST_F(Assignment, RecordOfAnotherCardIsRefused) {
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  Record record = *Find(kDrive);
  record.device = 0x1234;
  ASSERT_THAT(world_.Host().journal.Store(record), IsOk());
  const auto result = Restore(kDrive);
  ASSERT_THAT(result, FailsWith(Code::kUsage));
  EXPECT_THAT(result.error().hint(), HasSubstr(world_.Host().journal.RecordPath(kDrive)));
  EXPECT_THAT(Bind({.devices = {kDrive}}), FailsWith(Code::kUsage));
}

TEST_F(Assignment, RecordOfADeviceThatIsGoneIsDropped) {
  ASSERT_THAT(Bind({.devices = {kDrive}}), IsOk());
  world_.tree().Remove("/sys/bus/pci/devices/0000:08:00.0");
  const auto result = Restore(kDrive);
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(Format(*result), HasSubstr("gone"));
  EXPECT_THAT(world_.Records(), IsEmpty());
}

TEST_F(Assignment, SecondRunAtTheSameTimeIsTurnedAway) {
  const auto lock = TakeHostLock(world_.folder(), milliseconds(0));
  ASSERT_THAT(lock, IsOk());
  EXPECT_THAT(Bind({.devices = {kDrive}}), FailsWith(Code::kLocked));
  EXPECT_THAT(Restore(kDrive), FailsWith(Code::kLocked));
}

TEST_F(Assignment, WriteOfAnEarlierRunUnderWayIsWaitedFor) {
  ASSERT_THAT(world_.Host().journal.Prepare(), IsOk());
  const auto lock =
      FileLock::Take(world_.Host().journal.LockPath(kDrive), milliseconds(0), Code::kTimedOut);
  ASSERT_THAT(lock, IsOk());
  ASSERT_THAT(lock->Note("1 /sys/bus/pci/drivers/nvme/unbind\n"), IsOk());
  const auto stuck =
      FailsWith(Code::kTimedOut, AllOf(HasSubstr("nvme/unbind"), HasSubstr("pid 1 ")));
  EXPECT_THAT(Restore(kDrive), stuck);
  EXPECT_THAT(CheckIdle(world_.Host(), {kFirst, kDrive}), stuck);
  EXPECT_THAT(CheckIdle(world_.Host(), {kFirst}), IsOk());
}

TEST_F(Assignment, StuckWriteLeavesAPendingRecordWithWhichALaterRunGoesOn) {
  const Digest before = world_.State();
  test::TreeProxy stuck(world_.tree(), [&](const std::string& path, std::string_view value) {
    if (path.ends_with("/unbind")) return base::Status(base::Fail(Code::kTimedOut, "stuck"));
    return world_.tree().Write(path, value);
  });
  AssignmentHost host = world_.Host(stuck);
  EXPECT_THAT(sysfs::Bind(host, {.devices = {kDrive}}), FailsWith(Code::kTimedOut));
  ASSERT_TRUE(Find(kDrive));
  EXPECT_EQ(Find(kDrive)->state, RecordState::kPending);
  ASSERT_THAT(Restore(kDrive), IsOk());
  EXPECT_EQ(world_.State(), before);
}

TEST_F(Assignment, RefusalByTheDriverIsExplained) {
  world_.tree().FailProbe("vfio-pci", EINVAL);
  const Digest before = world_.State();
  const auto result = Bind({.devices = {kDrive}});
  ASSERT_THAT(result, FailsWith(Code::kKernel, HasSubstr("vfio-pci refuses this function")));
  EXPECT_THAT(result.error().hint(), HasSubstr("dmesg"));
  EXPECT_EQ(world_.State(), before);
  EXPECT_THAT(world_.Records(), IsEmpty());
}

TEST_F(Assignment, MissingNodeTimesOut) {
  world_.tree().OnWrite([&](const std::string& path, const std::string&) {
    if (path.ends_with("vfio-pci/bind")) world_.tree().Remove("/dev/vfio/14");
  });
  EXPECT_THAT(Bind({.devices = {kDrive}}), FailsWith(Code::kTimedOut, HasSubstr("/dev/vfio")));
  EXPECT_EQ(Find(kDrive)->state, RecordState::kApplied);
}

TEST_F(Assignment, NodeThatComesLaterIsWaitedFor) {
  world_.tree().OnWrite([&](const std::string& path, const std::string&) {
    if (path.ends_with("vfio-pci/bind")) world_.tree().Remove("/dev/vfio/14");
  });
  AssignmentHost host = world_.Host();
  bool listened_before = false;
  host.listen = [&]() -> base::Result<Waiter> {
    listened_before = world_.tree().writes().empty();
    return Waiter([&](const std::function<bool()>& ready, milliseconds) {
      world_.tree().AddFile("/dev/vfio/14", "");
      return ready();
    });
  };
  EXPECT_THAT(sysfs::Bind(host, {.devices = {kDrive}}), IsOk());
  EXPECT_TRUE(listened_before);
}

}  // namespace
}  // namespace sysfs
