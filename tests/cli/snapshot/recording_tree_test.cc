#include "cli/snapshot/recording_tree.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"

namespace cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kReal = "/sys/devices/pci0000:08/0000:08:00.0";
constexpr const char* kDevice = "/sys/bus/pci/devices/0000:08:00.0";

TEST(RecordingTree, KeepsWhatWasReadAtItsRealPlace) {
  test::FakeTree tree;
  tree.AddDevice({});
  RecordingTree recorder(tree);
  ASSERT_TRUE(recorder.Read(std::string(kDevice) + "/vendor").has_value());
  EXPECT_THAT(recorder.recording().files,
              ElementsAre(Pair(std::string(kReal) + "/vendor", "0x144d")));
  EXPECT_TRUE(recorder.recording().links.contains(kDevice));
}

TEST(RecordingTree, HidesProcessesAndOtherTools) {
  test::FakeTree tree;
  for (const char* path : {"/proc/7/cmdline", "/etc/libvirt/qemu/web.xml", "/etc/shadow",
                           "/run/vassign/sessions/7", "/proc/self/environ"}) {
    tree.AddFile(path, "secret");
    RecordingTree recorder(tree);
    EXPECT_FALSE(recorder.Read(path).has_value()) << path;
    EXPECT_FALSE(recorder.Exists(path)) << path;
    EXPECT_THAT(recorder.recording().files, IsEmpty());
  }
  RecordingTree recorder(tree);
  EXPECT_FALSE(recorder.List("/proc").has_value());
}

TEST(RecordingTree, ALinkOutOfThePlaceIsHidden) {
  test::FakeTree tree;
  tree.AddFile("/etc/shadow", "secret");
  tree.AddLink("/sys/shadow", "/etc/shadow");
  RecordingTree recorder(tree);
  EXPECT_FALSE(recorder.Read("/sys/shadow").has_value());
}

TEST(RecordingTree, LinksInACircleHaveNoPlace) {
  test::FakeTree tree;
  tree.AddLink("/sys/one", "/sys/other");
  tree.AddLink("/sys/other", "/sys/one");
  RecordingTree recorder(tree);
  recorder.Put("/sys/one", "made");
  EXPECT_FALSE(recorder.Read("/sys/one").has_value());
  EXPECT_FALSE(recorder.List("/sys/one/below").has_value());
  EXPECT_THAT(recorder.recording().files, IsEmpty());
  EXPECT_THAT(recorder.recording().folders, IsEmpty());
}

TEST(RecordingTree, WakesNothing) {
  test::FakeTree tree;
  tree.AddDevice({});
  const std::string device = kDevice;
  tree.AddFile(device + "/config", "1234");
  tree.AddFile(device + "/current_link_speed", "8.0 GT/s");
  tree.AddFile(device + "/power/runtime_status", "suspended\n");
  RecordingTree asleep(tree);
  EXPECT_FALSE(asleep.ReadBytes(device + "/config", 64).has_value());
  EXPECT_FALSE(asleep.Read(device + "/current_link_speed").has_value());
  tree.AddFile(device + "/power/runtime_status", "active\n");
  RecordingTree awake(tree);
  EXPECT_TRUE(awake.ReadBytes(device + "/config", 64).has_value());
}

TEST(RecordingTree, ReadsNoLockedAttribute) {
  test::FakeTree tree;
  tree.AddDevice({});
  tree.AddFile(std::string(kDevice) + "/driver_override", "read\n");
  RecordingTree recorder(tree);
  EXPECT_FALSE(recorder.Read(std::string(kDevice) + "/driver_override").has_value());
  sysfs::PciDevice device;
  device.address = {0, 8, 0, 0};
  device.driver_override = "told";
  recorder.TellLocked(device);
  EXPECT_EQ(recorder.Read(std::string(kDevice) + "/driver_override").value(), "told");
}

TEST(RecordingTree, ContentsOfNodesAreNotRead) {
  test::FakeTree tree;
  tree.AddFile("/dev/kvm", "data");
  RecordingTree recorder(tree);
  EXPECT_TRUE(recorder.Exists("/dev/kvm"));
  EXPECT_FALSE(recorder.Read("/dev/kvm").has_value());
  EXPECT_THAT(recorder.recording().folders, ElementsAre("/dev/kvm"));
}

TEST(WhatCounts, KeepsTheLinesThatAreAskedFor) {
  EXPECT_EQ(WhatCounts("/proc/self/mountinfo",
                       "36 35 8:1 / /mnt rw - ext4 /dev/sda1 rw,user=me\n"
                       "37 35 0:40 / /nfs rw - nfs server:/home rw,addr=10.0.0.1\n"),
            "36 35 8:1 / /mnt rw - ext4 /dev/sda1 rw\n");
  EXPECT_EQ(WhatCounts("/etc/modprobe.d/a.conf",
                       "# by me\nblacklist vfio_pci\noptions x y=z\n"
                       "options vfio_iommu_type1 allow_unsafe_interrupts=1\n"),
            "blacklist vfio_pci\noptions vfio_iommu_type1 allow_unsafe_interrupts=1\n");
  EXPECT_EQ(WhatCounts("/usr/lib/modules/6.12/modules.dep", "a/vfio-pci.ko: b\na/nvme.ko:\n"),
            "a/vfio-pci.ko: b\n");
  using namespace std::string_literals;
  EXPECT_EQ(WhatCounts("/lib/modules/6.17/modules.builtin.modinfo",
                       "nvme.license=GPL\0a_vfio.license=GPL\0a_vfio.alias=vfio_pci:v*\0"s),
            "a_vfio.alias=vfio_pci:v*\0"s);
  EXPECT_EQ(WhatCounts("/proc/iomem",
                       "00100000-3fffffff : System RAM\n"
                       "d0000000-dfffffff : 0000:08:00.0\n  d0000000-d02fffff : efifb\n"),
            "  d0000000-d02fffff : efifb\n");
  EXPECT_EQ(WhatCounts("/sys/x/uevent", "A=1\nB=2\n"), "A=1\nB=2\n");
}

TEST(EmptyFolders, AreThoseWithNothingElse) {
  Recording recording;
  recording.files["/a/file"] = "";
  recording.links["/b"] = "a";
  recording.folders = {"/a", "/b", "/c", "/c/d", "/c-d"};
  EXPECT_THAT(EmptyFolders(recording), ElementsAre("/c-d", "/c/d"));
}

}  // namespace
}  // namespace cli
