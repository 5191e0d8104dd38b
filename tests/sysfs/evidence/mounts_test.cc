#include "sysfs/evidence/mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseMountInfo, LeavesOutWhatIsNoMount) {
  EXPECT_THAT(ParseMountInfo(""), IsEmpty());
  EXPECT_THAT(ParseMountInfo("36 35 98:0 / /mnt rw"), IsEmpty());
  EXPECT_THAT(ParseMountInfo("36 35 98:0 / /mnt rw - ext4"), IsEmpty());
  EXPECT_THAT(ParseMountInfo("36 35 98:0 / /mnt rw shared:1 ext4 /dev/sda rw"), IsEmpty());
}

TEST(ParseMountInfo, SkipsOptionalFieldsAndUnescapes) {
  EXPECT_THAT(
      ParseMountInfo("36 35 259:1 / /data\\040one rw,noatime shared:1 master:2 - ext4 /dev/sda rw\n"
                     "37 35 0:40 /sub / rw - btrfs /dev/nvme0n1p2 rw\n"),
      ElementsAre(Mount{"259:1", "/data one", "/dev/sda", ""},
                  Mount{"0:40", "/", "/dev/nvme0n1p2", ""}));
}

TEST(ParseMountInfo, RandomBytesDoNoHarm) {
  std::mt19937 random(1);
  constexpr std::string_view kAlphabet = " \n\\-0:/ab";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (size_t left = random() % 120; left > 0; --left)
      text += kAlphabet[random() % kAlphabet.size()];
    for (const Mount& mount : ParseMountInfo(text)) EXPECT_LE(mount.point.size(), text.size());
    for (const std::string& path : ParseSwaps(text)) EXPECT_FALSE(path.empty());
  }
}

TEST(ReadMounts, LooksIntoEveryNamespaceOnce) {
  test::FakeTree tree;
  const std::string line = "36 35 259:1 / /data rw - ext4 /dev/sda rw\n";
  tree.AddFile("/proc/self/mountinfo", "1 1 8:1 / / rw - ext4 /dev/sdb rw\n");
  tree.AddLink("/proc/self/ns/mnt", "mnt:[1]");
  for (const auto& [pid, space] :
       {std::pair("10", "mnt:[1]"), {"11", "mnt:[2]"}, {"12", "mnt:[2]"}}) {
    tree.AddLink(std::string("/proc/") + pid + "/ns/mnt", space);
    tree.AddFile(std::string("/proc/") + pid + "/mountinfo", line);
  }
  EXPECT_THAT(ReadMounts(tree), ElementsAre(Mount{"8:1", "/", "/dev/sdb", ""},
                                            Mount{"259:1", "/data", "/dev/sda", "11"}));
}

TEST(ReadMounts, ARecordedHostHasThoseOfOthersInAFile) {
  test::FakeTree tree;
  tree.AddFile(kRecordedMounts, FormatOtherMounts({{"11",
                                                    "36 35 259:1 / /data rw - ext4 /dev/sda rw\n"
                                                    "37 35 259:2 / /more rw - ext4 /dev/sdc rw\n"},
                                                   {"12", ""}}) +
                                    "nonsense\n");
  EXPECT_THAT(ReadMounts(tree), ElementsAre(Mount{"259:1", "/data", "/dev/sda", "11"},
                                            Mount{"259:2", "/more", "/dev/sdc", "11"}));
}

TEST(ParseSwaps, TakesPathsBelowTheHeading) {
  EXPECT_THAT(ParseSwaps("Filename\t\t\t\tType\t\tSize\n"), IsEmpty());
  EXPECT_THAT(
      ParseSwaps("Filename Type Size\n/dev/nvme0n1p3   partition 1 0 -2\n/swap\\040file file\n"),
      ElementsAre("/dev/nvme0n1p3", "/swap file"));
}

}  // namespace
}  // namespace sysfs
