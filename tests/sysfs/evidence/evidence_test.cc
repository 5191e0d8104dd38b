#include "sysfs/evidence/evidence.h"

#include <map>
#include <set>

#include "tests/support/counting_tree.h"
#include "tests/support/unreadable_tree.h"
#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::vector<Evidence> Find(const Tree& tree) {
  return FindEvidence(tree, ReadDevice(tree, kAddress).value(), {});
}

TEST(FindEvidence, IdleDeviceHasNone) {
  test::FakeTree tree;
  tree.AddDriver("nvme");
  tree.AddDevice({.driver = "nvme"});
  EXPECT_THAT(Find(tree), IsEmpty());
}

// What a list with the use of devices promises: the links of /sys/dev/char, and nothing else for
// each.
TEST(EvidenceFinder, AsksTwoLinksForEachFunctionOnVfio) {
  const auto calls = [](unsigned functions) {
    test::FakeTree tree;
    tree.AddDriver("vfio-pci", true);
    tree.UseVfioCdevs();
    for (unsigned index = 0; index < functions; ++index) {
      const PciAddress address{0, 8, static_cast<uint8_t>(index / 8),
                               static_cast<uint8_t>(index % 8)};
      tree.AddDevice({.bdf = address.ToString(), .driver = "vfio-pci", .group = 14 + index});
      tree.AddLink("/sys/dev/char/244:" + std::to_string(index),
                   "../../devices/virtual/vfio/" + std::to_string(14 + index));
    }
    const auto devices = ReadDevices(tree, Detail::kIdentity).value();
    const test::CountingTree counting(tree);
    EvidenceFinder finder(counting, {});
    for (const PciDevice& device : devices) finder.Find(device);
    return counting.calls.size();
  };
  EXPECT_EQ(calls(40) - calls(20), 2u * 20);
}

TEST(FindEvidence, JoinsAllFinders) {
  test::FakeTree tree;
  tree.AddDriver("nvme");
  tree.AddDevice({.driver = "nvme", .totalvfs = 4});
  tree.AddDevice({.bdf = "0000:08:00.1", .physfn = kBdf});
  tree.AddFile(std::string(kPlace) + "/block/sda/dev", "8:0\n");
  tree.AddLink("/sys/class/block/sda", std::string(kPlace) + "/block/sda");
  tree.AddFile("/proc/self/mountinfo", "36 35 8:0 / /data rw - ext4 /dev/sda rw\n");
  tree.AddFile("/etc/driverctl.d/pci-0000:08:00.0", "vfio-pci\n");
  tree.AddLink("/proc/90/fd/8", "/dev/sda");
  EXPECT_THAT(Find(tree), ElementsAre(Kind(UseKind::kMount), Kind(UseKind::kFunctions),
                                      Kind(UseKind::kForeign), Kind(UseKind::kOpen)));
}

TEST(FindEvidence, WhatFailsToBeReadMayHideAUse) {
  test::FakeTree below;
  below.AddDevice({.driver = "nvme"});
  below.AddFile(std::string(kPlace) + "/block/sda/dev", "8:0\n");
  below.AddLink("/sys/class/block/sda", std::string(kPlace) + "/block/sda");
  below.AddFile("/proc/self/mountinfo", "");
  for (const int err : {EIO, EMFILE, ENFILE, ENOMEM}) {
    const test::UnreadableTree tree(below, {"/proc/self/mountinfo"}, err);
    const auto found = Find(tree);
    ASSERT_THAT(found, ElementsAre(AllOf(Kind(UseKind::kUnknown), Not(Warns()))));
    EXPECT_THAT(found[0].detail, testing::HasSubstr("/proc/self/mountinfo: "));
    EXPECT_FALSE(CanOverride(found[0]));
  }
  for (const int err : {EACCES, ENOENT, ESRCH}) {
    const test::UnreadableTree tree(below, {"/proc/self/mountinfo"}, err);
    EXPECT_THAT(Find(tree), IsEmpty());
  }
}

TEST(Unread, ALockThatWasNotFreeInTimeHidesToo) {
  Unread unread;
  unread.Note(base::Error(base::Code::kTimedOut, "0000:08:00.0: its lock was not free"));
  EXPECT_EQ(unread.first(), "0000:08:00.0: its lock was not free");
}

TEST(FindEvidence, SoMayRoutesAndAddressesThatTheKernelDoesNotTell) {
  test::FakeTree tree;
  tree.AddDevice({.driver = "e1000e"});
  tree.AddLink("/sys/class/net/eth0", std::string(kPlace) + "/net/eth0");
  const auto find = [&](const EvidenceSources& sources) {
    return FindEvidence(tree, ReadDevice(tree, kAddress).value(), sources);
  };
  EvidenceSources sources;
  sources.routes = [] { return base::FailErrno("routes", EIO); };
  EXPECT_THAT(find(sources), ElementsAre(Kind(UseKind::kUnknown)));
  sources = {};
  sources.addresses = [] { return base::FailErrno("addresses", ENOMEM); };
  EXPECT_THAT(find(sources), ElementsAre(Kind(UseKind::kUnknown)));
}

TEST(FindEvidence, WhatDoesNotRefuseComesLast) {
  test::FakeTree tree;
  tree.AddDevice({});
  tree.AddLink("/sys/class/drm/card0-DP-1", std::string(kPlace) + "/drm/card0/card0-DP-1");
  tree.AddFile(std::string(kPlace) + "/drm/card0/card0-DP-1/status", "connected\n");
  tree.AddFile("/etc/driverctl.d/pci-0000:08:00.0", "vfio-pci\n");
  EXPECT_THAT(Find(tree), ElementsAre(AllOf(Kind(UseKind::kForeign), Not(Warns())),
                                      AllOf(Kind(UseKind::kDisplay), Warns())));
}

// Counts what is asked of /proc.
class CountingTree final : public Tree {
 public:
  explicit CountingTree(const Tree& below) : below_(below) {}

  base::Result<std::string> Read(const std::string& path) const override {
    return below_.Read(path);
  }
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override {
    return below_.ReadBytes(path, limit);
  }
  base::Result<std::string> ReadLink(const std::string& path) const override {
    Count(path);
    return below_.ReadLink(path);
  }
  base::Result<std::vector<std::string>> List(const std::string& path) const override {
    Count(path);
    return below_.List(path);
  }
  bool Exists(const std::string& path) const override { return below_.Exists(path); }
  base::Status Write(const std::string& path, std::string_view) override {
    return base::Fail(base::Code::kInternal, path);
  }
  const std::map<std::string, int>& counts() const { return counts_; }

 private:
  void Count(const std::string& path) const {
    if (path.starts_with("/proc")) ++counts_[path];
  }

  const Tree& below_;
  mutable std::map<std::string, int> counts_;
};

TEST(FindEvidence, LooksAtEachDescriptorOnceForAllNodes) {
  test::FakeTree tree;
  tree.AddDriver("vfio-pci", true);
  tree.UseVfioCdevs();
  tree.AddDevice({.driver = "vfio-pci", .group = 14});
  tree.AddFile(std::string(kPlace) + "/block/sda/dev", "8:0\n");
  tree.AddLink("/sys/class/block/sda", std::string(kPlace) + "/block/sda");
  tree.AddFile(std::string(kPlace) + "/ptp/ptp0/uevent", "DEVNAME=ptp0\n");
  tree.AddLink("/sys/dev/char/250:0", std::string(kPlace) + "/ptp/ptp0");
  tree.AddLink("/proc/90/fd/3", "/dev/sda");
  tree.AddLink("/proc/90/fd/4", "/dev/vfio/14");
  tree.AddLink("/proc/91/fd/3", "/dev/ptp0");
  const CountingTree counting(tree);
  EXPECT_THAT(Find(counting), testing::SizeIs(3));
  EXPECT_EQ(counting.counts().count("/proc/91/fd/3"), 1u);
  for (const auto& [path, count] : counting.counts()) EXPECT_EQ(count, 1) << path;
}

TEST(UseKind, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(UseKind::kUnknown); ++kind)
    names.insert(Name(static_cast<UseKind>(kind)));
  EXPECT_EQ(names.size(), static_cast<size_t>(UseKind::kUnknown) + 1);
  EXPECT_EQ(Name(UseKind::kMount), "mount");
  EXPECT_EQ(Name(UseKind::kSession), "ssh");
  EXPECT_EQ(Name(UseKind::kVfio), "vfio");
  EXPECT_EQ(Name(UseKind::kForeign), "foreign");
}

}  // namespace
}  // namespace sysfs
