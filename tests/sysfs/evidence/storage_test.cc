#include <fmt/format.h>

#include "sysfs/evidence/disks.h"
#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kVirtual[] = "/sys/devices/virtual/block/";

class StorageUse : public testing::Test {
 protected:
  StorageUse() {
    tree_.AddDriver("nvme");
    tree_.AddDevice({.driver = "nvme"});
    AddBlock("sda", Sda(), "8:0");
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
  void AddMapping(const std::string& lower_place, const std::string& name,
                  const std::string& uuid) {
    AddBlock("dm-0", std::string(kVirtual) + "dm-0", "253:0");
    tree_.AddFile(std::string(kVirtual) + "dm-0/dm/name", name + "\n");
    tree_.AddFile(std::string(kVirtual) + "dm-0/dm/uuid", uuid + "\n");
    tree_.AddDirectory(lower_place + "/holders/dm-0");
  }
  std::string Sda() const { return std::string(kPlace) + "/ata1/block/sda"; }
  void Mount(const std::string& number, const std::string& point, const std::string& source) {
    tree_.AddFile("/proc/self/mountinfo",
                  fmt::format("36 35 {} / {} rw - ext4 {} rw\n", number, point, source));
  }
  std::vector<Evidence> Find() const { return RunFinder(FindStorageUse, tree_, sources_); }

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
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kMount), Detail("sda1 is mounted on /data"),
                                        Path({"sda", "sda1", "mounted on /data"}),
                                        Reason(ForceReason::kMounted), Cure("umount /data"))));
}

TEST_F(StorageUse, MountPointWithABlankIsQuotedInTheCure) {
  Mount("8:0", "/my\\040data", "/dev/sda");
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Path({"sda", "mounted on /my data"}), Cure("umount '/my data'"))));
}

TEST_F(StorageUse, RootFileSystemIsNamedAsSuch) {
  Mount("8:0", "/", "/dev/root");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Detail("root file system"), Cure("another device"))));
}

TEST_F(StorageUse, MountInAnotherNamespaceOnly) {
  tree_.AddLink("/proc/self/ns/mnt", "mnt:[1]");
  tree_.AddLink("/proc/70/ns/mnt", "mnt:[2]");
  tree_.AddFile("/proc/70/mountinfo", "36 35 8:0 / /data rw - ext4 /dev/sda rw\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Detail("/data in the mount namespace of pid 70"),
                                        Cure("nsenter -m -t 70 umount /data"))));
}

TEST_F(StorageUse, Swap) {
  AddPartition(Sda(), "sda2", "8:2");
  tree_.AddFile("/proc/swaps", "Filename Type\n/dev/sda2 partition 1 0 -2\n");
  EXPECT_THAT(Find(),
              ElementsAre(AllOf(Kind(UseKind::kSwap), Detail("sda2 is swap"),
                                Path({"sda", "sda2", "swap space"}), Cure("swapoff /dev/sda2"))));
}

// btrfs shows an anonymous number; its source names one of its devices, sysfs all of them.
TEST_F(StorageUse, Btrfs) {
  Mount("0:40", "/data", "/dev/sda");
  EXPECT_THAT(Find(), ElementsAre(Detail("sda is mounted on /data")));
  tree_.AddFile("/proc/self/mountinfo", "");
  tree_.AddDirectory("/sys/fs/btrfs/1111-2222/devices/sda");
  EXPECT_THAT(Find(), ElementsAre(Path({"sda", "btrfs 1111-2222"})));
}

TEST_F(StorageUse, HoldersAreUseAndLeadToTheirMounts) {
  AddPartition(Sda(), "sda3", "8:3");
  AddMapping(Sda() + "/sda3", "vg--a-data", "LVM-abc");
  tree_.AddDirectory(std::string(kVirtual) + "dm-0/holders/sda3");  // a loop
  Mount("253:0", "/srv", "/dev/mapper/vg--a-data");
  const auto found = Find();
  EXPECT_THAT(found,
              Contains(AllOf(Detail("dm-0 is mounted on /srv"),
                             Path({"sda", "sda3", "dm-0 (vg--a-data)", "mounted on /srv"}))));
  EXPECT_THAT(found,
              Contains(AllOf(Kind(UseKind::kHolder), Detail("sda3 is part of dm-0 (vg--a-data)"),
                             Cure("vgchange -an vg-a"))));
  EXPECT_THAT(found, Each(Reason(ForceReason::kMounted)));
}

TEST_F(StorageUse, CureSuitsWhoMadeTheMapping) {
  for (const auto& [uuid, cure] : {std::pair("CRYPT-LUKS2-1-secret", "cryptsetup close secret"),
                                   {"mpath-36", "multipath -f secret"},
                                   {"", "dmsetup remove secret"}}) {
    AddMapping(Sda(), "secret", uuid);
    EXPECT_THAT(Find(), Contains(Cure(cure))) << uuid;
  }
}

TEST_F(StorageUse, VeryDeepStacksEnd) {
  std::string lower = Sda();
  for (int level = 0; level < 500; ++level) {
    const std::string name = fmt::format("dm-{}", level);
    AddBlock(name, kVirtual + name, fmt::format("253:{}", level));
    tree_.AddDirectory(lower + "/holders/" + name);
    lower = kVirtual + name;
  }
  EXPECT_THAT(Find(), testing::SizeIs(testing::Lt(100u)));
}

TEST_F(StorageUse, VisibleDiskOfAnNvmeSubsystem) {
  const std::string subsystem = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0";
  tree_.AddLink("/sys/class/nvme/nvme0", std::string(kPlace) + "/nvme/nvme0");
  AddBlock("nvme0c0n1", std::string(kPlace) + "/nvme/nvme0/nvme0c0n1", "259:0");
  AddBlock("nvme0n1", subsystem + "/nvme0n1", "259:1");
  AddPartition(subsystem + "/nvme0n1", "nvme0n1p1", "259:2");
  tree_.AddLink(subsystem + "/nvme0", std::string(kPlace) + "/nvme/nvme0");
  tree_.AddLink("/sys/class/nvme-subsystem/nvme-subsys0", subsystem);
  tree_.AddFile(std::string(kPlace) + "/nvme/nvme0/nvme0c0n1/hidden", "1\n");
  EXPECT_THAT(FindDisks(tree_, {0, 8, 0, 0}), ElementsAre("nvme0n1", "sda"));
  Mount("259:2", "/data", "/dev/nvme0n1p1");
  EXPECT_THAT(Find(), ElementsAre(Path({"nvme0n1", "nvme0n1p1", "mounted on /data"})));
  tree_.AddFile("/proc/self/mountinfo", "");
  tree_.AddFile("/dev/ng0n1", "");
  tree_.AddLink("/proc/90/fd/3", "/dev/ng0n1");  // past the block layer
  EXPECT_THAT(Find(), ElementsAre(Path({"nvme0n1", "pid 90 (?)"})));
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

// A target of NVMe opens its disk without a claim: only its configuration tells.
TEST_F(StorageUse, DiskThatIsServedToOthers) {
  const std::string nvmet = "/sys/kernel/config/nvmet/subsystems/nqn.x/namespaces/3";
  tree_.AddFile("/dev/sda", "");
  tree_.AddLink("/dev/disk/by-id/ata-1", "../../sda");
  tree_.AddFile(nvmet + "/device_path", "/dev/disk/by-id/ata-1\n");
  tree_.AddFile(nvmet + "/enable", "1\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kClaim), Reason(ForceReason::kMounted),
                                        Path({"sda", "NVMe target nqn.x, namespace 3"}),
                                        Detail("sda is served by the kernel to others"),
                                        Cure("echo 0 > " + nvmet + "/enable"))));
  tree_.AddFile(nvmet + "/enable", "0\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Detail("about to be served"), Warns())));
  tree_.AddFile(nvmet + "/device_path", "/dev/sdb\n");
  EXPECT_THAT(Find(), IsEmpty());
  const std::string scsi = "/sys/kernel/config/target/core/iblock_0/backup";
  tree_.AddFile(scsi + "/udev_path", "/dev/sda\n");
  tree_.AddFile(scsi + "/enable", "1\n");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Path({"sda", "SCSI target backup"}),
                                        Cure("targetcli /backstores/block delete backup"))));
}

TEST_F(StorageUse, WholeNvmeControllerThatIsServed) {
  const std::string target = "/sys/kernel/config/nvmet/subsystems/nqn.x/passthru";
  tree_.AddLink("/sys/class/nvme/nvme4", std::string(kPlace) + "/nvme/nvme4");
  tree_.AddFile("/dev/nvme4", "");
  tree_.AddFile(target + "/device_path", "/dev/nvme4\n");
  tree_.AddFile(target + "/enable", "1\n");
  EXPECT_THAT(Find(), ElementsAre(Path({"nvme4", "NVMe target nqn.x, whole controller"})));
}

// Nothing claims the disk below a loop device, and no process has it open.
TEST_F(StorageUse, LoopDeviceOverADisk) {
  const std::string loop = std::string(kVirtual) + "loop3";
  AddBlock("loop3", loop, "7:3");
  AddBlock("loop4", std::string(kVirtual) + "loop4", "7:4");
  tree_.AddFile(loop + "/loop/backing_file", "/dev/sda\n");
  tree_.AddFile(std::string(kVirtual) + "loop4/loop/backing_file", "/srv/sda\n");
  Mount("7:3", "/image", "/dev/loop3");
  EXPECT_THAT(Find(), ElementsAre(Path({"sda", "loop3", "mounted on /image"}),
                                  AllOf(Kind(UseKind::kHolder), Path({"sda", "loop3"}),
                                        Cure("losetup -d /dev/loop3"))));
}

TEST_F(StorageUse, DiskOfAUsbController) {
  AddBlock("sdb", std::string(kPlace) + "/usb1/1-2/1-2:1.0/host6/block/sdb", "8:16");
  Mount("8:16", "/media", "/dev/sdb");
  EXPECT_THAT(Find(), ElementsAre(Path({"usb 1-2", "sdb", "mounted on /media"})));
}

TEST_F(StorageUse, ProcessWithTheDiskOpen) {
  tree_.AddFile("/proc/90/comm", "qemu\n");
  tree_.AddLink("/proc/90/fd/8", "/dev/sda");
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kOpen), Path({"sda", "pid 90 (qemu)"}),
                                        Detail("pid 90 (qemu) has /dev/sda open"))));
}

TEST_F(StorageUse, ClaimInsideTheKernelIsAskedLast) {
  sources_.claimed = [](const std::string& path) { return path == "/dev/sda"; };
  EXPECT_THAT(Find(), ElementsAre(AllOf(Kind(UseKind::kClaim),
                                        Detail("/dev/sda is claimed inside the kernel"))));
  Mount("8:0", "/data", "/dev/sda");
  EXPECT_THAT(Find(), ElementsAre(Kind(UseKind::kMount)));
}

}  // namespace
}  // namespace sysfs
