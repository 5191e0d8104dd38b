#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sysfs/evidence/parts.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kPlace[] = "/sys/devices/pci0000:08/0000:08:00.0";

auto Detail(const std::string& text) { return Field(&Evidence::detail, HasSubstr(text)); }

class StorageUse : public testing::Test {
 protected:
  StorageUse() {
    tree_.AddDriver("nvme");
    tree_.AddDevice({.driver = "nvme"});
    AddBlock("sda", std::string(kPlace) + "/ata1/block/sda", "8:0");
  }

  void AddBlock(const std::string& name, const std::string& place, const std::string& number) {
    tree_.AddFile(place + "/dev", number + "\n");
    tree_.AddDirectory(place + "/holders");
    tree_.AddLink("/sys/class/block/" + name, place);
  }
  void AddPartition(const std::string& disk_place, const std::string& name,
                    const std::string& number) {
    AddBlock(name, disk_place + "/" + name, number);
    tree_.AddFile(disk_place + "/" + name + "/partition", "1\n");
  }
  std::string Sda() const { return std::string(kPlace) + "/ata1/block/sda"; }
  void Mount(const std::string& number, const std::string& point, const std::string& source) {
    tree_.AddFile("/proc/self/mountinfo",
                  fmt::format("36 35 {} / {} rw - ext4 {} rw\n", number, point, source));
  }
  std::vector<Evidence> Find() const {
    return FindStorageUse(tree_, ReadDevice(tree_, {0, 8, 0, 0}).value(), sources_);
  }

  test::FakeTree tree_;
  EvidenceSources sources_;
};

TEST_F(StorageUse, IdleDiskIsFree) {
  AddPartition(Sda(), "sda1", "8:1");
  Mount("8:16", "/", "/dev/sdb");
  tree_.AddFile("/proc/swaps", "Filename Type\n/dev/sdb2 partition\n");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(StorageUse, MountedPartition) {
  AddPartition(Sda(), "sda1", "8:1");
  Mount("8:1", "/data", "/dev/sda1");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Detail("sda1 is mounted on /data"),
                                        Field(&Evidence::reason, ForceReason::kMounted),
                                        Field(&Evidence::cure, "umount /data"))));
}

TEST_F(StorageUse, RootFileSystemIsNamedAsSuch) {
  Mount("8:0", "/", "/dev/root");
  EXPECT_THAT(Find(), ElementsAre(Detail("root file system")));
}

TEST_F(StorageUse, MountInAnotherNamespaceOnly) {
  tree_.AddLink("/proc/self/ns/mnt", "mnt:[1]");
  tree_.AddLink("/proc/70/ns/mnt", "mnt:[2]");
  tree_.AddFile("/proc/70/mountinfo", "36 35 8:0 / /data rw - ext4 /dev/sda rw\n");
  EXPECT_THAT(Find(), ElementsAre(Detail("/data in the mount namespace of pid 70")));
}

TEST_F(StorageUse, Swap) {
  AddPartition(Sda(), "sda2", "8:2");
  tree_.AddFile("/proc/swaps", "Filename Type\n/dev/sda2 partition 1 0 -2\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Detail("sda2 is swap"),
                                        Field(&Evidence::cure, "swapoff /dev/sda2"))));
}

// btrfs shows an anonymous number; its source names one of its devices, sysfs all of them.
TEST_F(StorageUse, Btrfs) {
  Mount("0:40", "/data", "/dev/sda");
  EXPECT_THAT(Find(), ElementsAre(Detail("sda is mounted on /data")));
  tree_.AddFile("/proc/self/mountinfo", "");
  tree_.AddDirectory("/sys/fs/btrfs/1111-2222/devices/sda");
  EXPECT_THAT(Find(), ElementsAre(Detail("btrfs 1111-2222")));
}

TEST_F(StorageUse, HoldersAreUseAndLeadToTheirMounts) {
  AddPartition(Sda(), "sda3", "8:3");
  AddBlock("dm-0", "/sys/devices/virtual/block/dm-0", "253:0");
  tree_.AddFile("/sys/devices/virtual/block/dm-0/dm/name", "vg-data\n");
  tree_.AddDirectory(Sda() + "/sda3/holders/dm-0");
  tree_.AddDirectory("/sys/devices/virtual/block/dm-0/holders/sda3");  // a loop
  Mount("253:0", "/srv", "/dev/mapper/vg-data");
  const auto found = Find();
  EXPECT_THAT(found, Contains(Detail("dm-0 is mounted on /srv (dm-0 vg-data is on sda3)")));
  EXPECT_THAT(found, Contains(AllOf(Detail("sda3 is part of dm-0 vg-data"),
                                    Field(&Evidence::cure, "dmsetup remove vg-data"))));
  EXPECT_THAT(found, Each(Field(&Evidence::reason, ForceReason::kMounted)));
}

TEST_F(StorageUse, VisibleDiskOfAnNvmeSubsystem) {
  const std::string subsystem = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0";
  tree_.AddLink("/sys/class/nvme/nvme0", std::string(kPlace) + "/nvme/nvme0");
  AddBlock("nvme0c0n1", std::string(kPlace) + "/nvme/nvme0/nvme0c0n1", "259:0");
  AddBlock("nvme0n1", subsystem + "/nvme0n1", "259:1");
  AddPartition(subsystem + "/nvme0n1", "nvme0n1p1", "259:2");
  tree_.AddLink(subsystem + "/nvme0", std::string(kPlace) + "/nvme/nvme0");
  tree_.AddLink("/sys/class/nvme-subsystem/nvme-subsys0", subsystem);
  Mount("259:2", "/data", "/dev/nvme0n1p1");
  EXPECT_THAT(Find(), ElementsAre(Detail("nvme0n1p1 is mounted on /data")));
}

TEST_F(StorageUse, OtherNvmeSubsystemsAreNotOurs) {
  const std::string subsystem = "/sys/devices/virtual/nvme-subsystem/nvme-subsys1";
  tree_.AddLink("/sys/class/nvme/nvme0", std::string(kPlace) + "/nvme/nvme0");
  AddBlock("nvme1n1", subsystem + "/nvme1n1", "259:1");
  tree_.AddDirectory(subsystem + "/nvme1");
  tree_.AddLink("/sys/class/nvme-subsystem/nvme-subsys1", subsystem);
  Mount("259:1", "/", "/dev/nvme1n1");
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(StorageUse, ProcessWithTheDiskOpen) {
  tree_.AddFile("/proc/90/comm", "qemu\n");
  tree_.AddLink("/proc/90/fd/8", "/dev/sda");
  EXPECT_THAT(Find(), ElementsAre(Detail("pid 90 (qemu) has /dev/sda open")));
}

TEST_F(StorageUse, ClaimInsideTheKernelIsAskedLast) {
  sources_.claimed = [](const std::string& path) { return path == "/dev/sda"; };
  EXPECT_THAT(Find(), ElementsAre(Detail("/dev/sda is claimed inside the kernel")));
}

}  // namespace
}  // namespace sysfs
